import numpy as np


def correlate2d(img, k, border):
    kh, kw = k.shape
    if kh % 2 == 0 or kw % 2 == 0:
        raise ValueError(f"the kernel must have odd height and width, it is {kh} by {kw}")
    # Extend the image once; after that, no window ever leaves it.
    mode = "edge" if border == "replicate" else "constant"
    padded = np.pad(img, ((kh // 2, kh // 2), (kw // 2, kw // 2)), mode=mode)
    height, width = img.shape
    # One shifted, weighted copy of the image per kernel cell: few loops, long vectors.
    out = np.zeros((height, width))
    for u in range(kh):
        for v in range(kw):
            out += k[u, v] * padded[u : u + height, v : v + width]
    return out
