import numpy as np


def separate_kernel(k):
    u, s, vt = np.linalg.svd(k, full_matrices=False)
    share = np.sqrt(s[0])
    column, row = share * u[:, 0], share * vt[0]
    return column, row, np.linalg.norm(k - np.outer(column, row))
