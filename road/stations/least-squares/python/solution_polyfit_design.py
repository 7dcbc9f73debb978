import numpy as np


def polyfit_design(x, deg):
    if deg < 0:
        raise ValueError(f"the degree must not be negative, it is {deg}")
    return x[:, None] ** np.arange(deg + 1)
