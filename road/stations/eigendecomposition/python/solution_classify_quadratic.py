import numpy as np


def classify_quadratic(a):
    rows, columns = a.shape
    if rows != columns:
        raise ValueError(f"a quadratic form needs a square matrix, this one is {rows} by {columns}")
    values = np.linalg.eigvalsh((a + a.T) / 2)
    negligible = 1e-10 * np.abs(values).max()
    rises = np.any(values > negligible)
    falls = np.any(values < -negligible)
    level = np.any(np.abs(values) <= negligible)
    if rises and falls:
        return "saddle"
    if level:
        return "trough"
    return "bowl" if rises else "dome"
