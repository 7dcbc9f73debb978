import numpy as np


def psnr(clean, out, peak):
    if clean.shape != out.shape:  # NumPy would stretch the smaller one without a word
        raise ValueError(f"the images have different shapes, {clean.shape} and {out.shape}")
    error = np.mean((clean - out) ** 2)
    return np.inf if error == 0 else 10 * np.log10(peak**2 / error)
