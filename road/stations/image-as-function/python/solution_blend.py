import numpy as np


def blend(a, b, alpha):
    if a.shape != b.shape:  # NumPy would stretch the smaller one without a word
        raise ValueError(f"the images have different shapes, {a.shape} and {b.shape}")
    mixed = alpha * a.astype(float) + (1 - alpha) * b.astype(float)
    return np.floor(mixed + 0.5).astype(np.uint8)
