import numpy as np


def confusion(y, p, k):
    if len(y) and (min(y.min(), p.min()) < 0 or max(y.max(), p.max()) >= k):
        raise ValueError(f"labels lie between 0 and {k - 1}")
    # The pair (i, j) as one number i * k + j; bincount counts every occurrence.
    return np.bincount(y * k + p, minlength=k * k).reshape(k, k)
