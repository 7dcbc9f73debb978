import numpy as np


def sample_categorical(p, u):
    if (p < 0).any() or p.sum() == 0:
        raise ValueError("weights must not be negative, and not all 0")
    cuts = np.cumsum(p)
    cuts = cuts / cuts[-1]  # the last cut is exactly 1: no u falls off the end
    return np.searchsorted(cuts, u, side="right")
