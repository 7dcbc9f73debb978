import numpy as np


def jacobi_eigh(a):
    largest = np.abs(a).max()
    if np.abs(a - a.T).max() > 1e-12 * largest:
        raise ValueError("the matrix is not symmetric")
    n = len(a)
    a = a.copy()
    v = np.eye(n)
    while np.abs(a - np.diag(np.diag(a))).max() > 1e-15 * largest:
        for p in range(n):
            for q in range(p + 1, n):
                if a[p, q] != 0:
                    pair = [p, q]
                    j = rotation(a[p, p], a[p, q], a[q, q])
                    a[:, pair] = a[:, pair] @ j
                    a[pair] = j.T @ a[pair]
                    a[p, q] = a[q, p] = 0
                    v[:, pair] = v[:, pair] @ j
    order = np.argsort(np.diag(a))
    return np.diag(a)[order], v[:, order]


def rotation(app, apq, aqq):
    """The rotation j by the smaller angle that makes j.T @ [[app, apq], [apq, aqq]] @ j diagonal."""
    tau = (aqq - app) / (2 * apq)
    t = np.copysign(1, tau) / (abs(tau) + np.hypot(1, tau))  # tangent of the angle
    c = 1 / np.hypot(1, t)
    s = t * c
    return np.array([[c, s], [-s, c]])
