import numpy as np


def p_norm(x, p):
    if p < 1:
        raise ValueError(f"p must be at least 1, it is {p}")
    magnitudes = np.abs(x)
    largest = magnitudes.max()
    if largest == 0 or np.isinf(p):
        return largest
    # Everything is at most 1 now: no power can overflow.
    return largest * ((magnitudes / largest) ** p).sum() ** (1 / p)
