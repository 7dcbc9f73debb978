import numpy as np


def whiten(x, eps):
    if eps < 0:
        raise ValueError(f"eps must not be negative, it is {eps}")
    centred = x - x.mean(axis=0)
    _, s, vt = np.linalg.svd(centred, full_matrices=False)
    variance = s**2 / (len(x) - 1)
    return centred @ vt.T / np.sqrt(variance + eps)
