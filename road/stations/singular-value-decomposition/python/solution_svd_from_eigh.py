import numpy as np


def svd_from_eigh(a):
    values, v = np.linalg.eigh(a.T @ a)
    values, v = values[::-1], v[:, ::-1]  # singular values go down
    s = np.sqrt(np.maximum(values, 0))  # rounding may have made a zero negative
    r = np.count_nonzero(s > 1e-6 * s[0])
    s, v = s[:r], v[:, :r]
    u = (a @ v) / s  # taken from a, so that the signs of both sides belong together
    return u, s, v.T
