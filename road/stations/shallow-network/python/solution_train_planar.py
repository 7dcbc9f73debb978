import numpy as np


def train_planar(x, y, w1, b1, w2, b2, steps, lr):
    m = y.shape[1]
    for _ in range(steps):
        # Forward.
        a1 = np.tanh(w1 @ x + b1)
        a2 = 1 / (1 + np.exp(-(w2 @ a1 + b2)))
        # Backward: all gradients at the same point.
        dz2 = (a2 - y) / m
        dz1 = (w2.T @ dz2) * (1 - a1**2)
        # Update. New arrays: the caller's stay as they are.
        w1 = w1 - lr * dz1 @ x.T
        b1 = b1 - lr * dz1.sum(axis=1, keepdims=True)
        w2 = w2 - lr * dz2 @ a1.T
        b2 = b2 - lr * dz2.sum(axis=1, keepdims=True)
    return w1, b1, w2, b2
