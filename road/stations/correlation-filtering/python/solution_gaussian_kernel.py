import numpy as np


def gaussian_kernel(sigma, radius):
    if sigma <= 0:
        raise ValueError(f"sigma must be positive, it is {sigma}")
    if radius < 0:
        raise ValueError(f"the radius must not be negative, it is {radius}")
    d = np.arange(-radius, radius + 1)
    # A column of squares plus a row of squares: the squared distance of every cell from the centre.
    squared_distance = d[:, None] ** 2 + d[None, :] ** 2
    kernel = np.exp(-squared_distance / (2 * sigma**2))
    return kernel / kernel.sum()
