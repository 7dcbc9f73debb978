import numpy as np


def fit_gd(x, y, lr, steps):
    mean, std = x.mean(axis=0), x.std(axis=0)
    std = np.where(std > 0, std, 1.0)  # a constant column stays at 0
    z = (x - mean) / std
    v, c = np.zeros(x.shape[1]), 0.0
    losses = np.empty(steps)
    for k in range(steps):
        r = z @ v + c - y
        losses[k] = (r**2).mean()
        v -= lr * 2 * z.T @ r / len(y)
        c -= lr * 2 * r.mean()
    # z @ v + c = x @ (v / std) + (c - mean @ (v / std))
    w = v / std
    return w, c - mean @ w, losses
