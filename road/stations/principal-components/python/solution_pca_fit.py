import numpy as np


def pca_fit(x, k):
    n = len(x)
    if not 1 <= k <= min(x.shape):
        raise ValueError(f"1 to {min(x.shape)} components can be found, not {k}")
    mean = x.mean(axis=0)
    # The singular values of the centred data: no D by D covariance, however many features there are.
    _, s, vt = np.linalg.svd(x - mean, full_matrices=False)
    return mean, vt[:k], s[:k] ** 2 / (n - 1)
