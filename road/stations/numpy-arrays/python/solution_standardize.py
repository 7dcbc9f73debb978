import numpy as np


def standardize(x):
    mean = x.mean(axis=0)
    # Not std == 0: the mean of seven 0.1 is not exactly 0.1.
    constant = x.max(axis=0) == x.min(axis=0)
    std = np.where(constant, 0, x.std(axis=0))
    z = np.where(constant, 0, (x - mean) / np.where(constant, 1, std))
    return z, mean, std
