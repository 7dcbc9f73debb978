import numpy as np


def kfold(order, k):
    n = len(order)
    if not 2 <= k <= n:
        raise ValueError(f"{n} samples make 2 to {n} folds, not {k}")
    validates = np.zeros((k, n), dtype=bool)
    for fold, samples in enumerate(np.array_split(order, k)):
        validates[fold, samples] = True
    return validates
