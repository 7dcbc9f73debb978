import numpy as np


def frobenius_and_spectral(a):
    magnitudes = np.abs(a)
    fro = np.sqrt((a**2).sum())
    one = magnitudes.sum(axis=0).max()  # longest column
    inf = magnitudes.sum(axis=1).max()  # longest row
    two = np.linalg.svd(a, compute_uv=False).max()
    return fro, one, inf, two
