import numpy as np


def normalize_for_display(img):
    low, high = img.min(), img.max()
    if low == high:
        return np.zeros(img.shape, np.uint8)
    return np.rint(255 * ((img - low) / (high - low))).astype(np.uint8)
