import numpy as np


def convolve2d(img, k):
    height, width = img.shape
    kh, kw = k.shape
    out = np.zeros((height + kh - 1, width + kw - 1))
    # Every pixel paints a copy of the kernel, as strong as the pixel is bright; copies add up where they overlap.
    for i in range(height):
        for j in range(width):
            out[i : i + kh, j : j + kw] += img[i, j] * k
    return out
