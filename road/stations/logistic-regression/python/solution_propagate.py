import numpy as np


def propagate(w, b, x, y):
    m = y.shape[1]
    z = w.T @ x + b
    # -y log(a) - (1 - y) log(1 - a), written in z: no logarithm of zero.
    cost = np.mean(np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z))))
    with np.errstate(over="ignore"):
        a = 1 / (1 + np.exp(-z))
    dz = (a - y) / m
    return cost, x @ dz.T, dz.sum()
