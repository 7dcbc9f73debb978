import numpy as np


def im2col(x, kh, kw, stride, pad):
    n, c, height, width = x.shape
    if kh > height + 2 * pad or kw > width + 2 * pad:
        raise ValueError(f"a {kh} by {kw} window does not fit into {height + 2 * pad} by {width + 2 * pad} pixels")
    out_height = (height + 2 * pad - kh) // stride + 1
    out_width = (width + 2 * pad - kw) // stride + 1
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.zeros((c, kh, kw, n, out_height, out_width))
    for u in range(kh):
        for v in range(kw):
            # Pixel (u, v) of all windows at once: every stride-th pixel from (u, v) on.
            taps = xp[:, :, u : u + stride * out_height : stride, v : v + stride * out_width : stride]
            windows[:, u, v] = taps.transpose(1, 0, 2, 3)
    return windows.reshape(c * kh * kw, n * out_height * out_width)
