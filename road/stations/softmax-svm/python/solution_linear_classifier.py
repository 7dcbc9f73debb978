import numpy as np


def linear_classifier(x, y, classes, order, batch, lr):
    mean, std = x.mean(axis=0), x.std(axis=0)
    std = np.where(std > 0, std, 1.0)
    z = (x - mean) / std
    target = np.eye(classes)[y]
    v, c = np.zeros((x.shape[1], classes)), np.zeros(classes)
    for permutation in order:
        for start in range(0, len(y), batch):
            rows = permutation[start : start + batch]  # the last slice may be shorter
            error = (softmax(z[rows] @ v + c) - target[rows]) / len(rows)
            v -= lr * z[rows].T @ error
            c -= lr * error.sum(axis=0)
    # z @ v + c = x @ (v / std) + (c - mean @ (v / std))
    w = v / std[:, None]
    return w, c - mean @ w


def softmax(scores):
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
