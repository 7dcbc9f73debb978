import numpy as np


def source(length, r, rule):
    """For every row (or column) of the result, the one of the image that it shows."""
    index = np.arange(-r, length + r)
    if rule == "wrap":
        return index % length
    if rule == "reflect":  # forwards and backwards, again and again
        index = index % (2 * length)
        return np.minimum(index, 2 * length - 1 - index)
    return np.clip(index, 0, length - 1)


def pad2d(img, r, rule):
    if r < 0:
        raise ValueError(f"r must not be negative, it is {r}")
    if rule not in ("zero", "replicate", "reflect", "wrap"):
        raise ValueError(f"there is no rule {rule!r}")
    height, width = img.shape
    padded = img[source(height, r, rule)][:, source(width, r, rule)]
    if rule == "zero":
        padded = np.zeros_like(padded)
        padded[r : r + height, r : r + width] = img
    return padded
