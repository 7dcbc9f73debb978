import numpy as np


def perceptron_train(x, y, max_epochs):
    w, b, mistakes = np.zeros(x.shape[1]), 0.0, 0
    for _ in range(max_epochs):
        before = mistakes
        for point, label in zip(x, y):
            if label * (w @ point + b) <= 0:
                w = w + label * point
                b = b + float(label)
                mistakes += 1
        if mistakes == before:
            break
    return w, b, mistakes
