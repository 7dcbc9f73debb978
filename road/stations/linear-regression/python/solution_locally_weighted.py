import numpy as np


def locally_weighted(xq, x, y, tau):
    if np.all(x == x[0]):
        return np.full(len(xq), y.mean())
    # A row per query, a column per point.
    exponent = -((x[None, :] - xq[:, None]) ** 2) / (2 * tau**2)
    # Only ratios matter: the nearest point gets weight 1, and a far query has an answer.
    weight = np.exp(exponent - exponent.max(axis=1, keepdims=True))
    weight /= weight.sum(axis=1, keepdims=True)
    xm, ym = weight @ x, weight @ y
    dx, dy = x - xm[:, None], y - ym[:, None]
    slope = (weight * dx * dy).sum(axis=1) / (weight * dx**2).sum(axis=1)
    return ym + slope * (xq - xm)
