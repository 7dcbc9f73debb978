import numpy as np


def ridge(x, y, lam):
    if lam < 0:
        raise ValueError(f"the penalty must not be negative, it is {lam}")
    mean_x, mean_y = x.mean(axis=0), y.mean()
    # The penalty is data too: rows that ask for sqrt(lam) * w = 0. lstsq also finds the shortest w where several fit.
    features = x.shape[1]
    rows = np.vstack([x - mean_x, np.sqrt(lam) * np.eye(features)])
    targets = np.concatenate([y - mean_y, np.zeros(features)])
    w = np.linalg.lstsq(rows, targets, rcond=1e-10)[0]
    return w, mean_y - mean_x @ w
