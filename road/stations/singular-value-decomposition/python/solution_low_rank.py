import numpy as np


def low_rank(a, k):
    if k < 0:
        raise ValueError(f"a matrix cannot have {k} components")
    u, s, vt = np.linalg.svd(a, full_matrices=False)
    return (u[:, :k] * s[:k]) @ vt[:k]
