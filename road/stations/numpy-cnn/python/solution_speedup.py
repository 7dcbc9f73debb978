import numpy as np


def speedup(x, w, b, stride, pad):
    kh, kw = w.shape[2:]
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    if kh > xp.shape[2] or kw > xp.shape[3]:
        raise ValueError(f"a {kh} by {kw} kernel does not fit into {xp.shape[2]} by {xp.shape[3]} pixels")
    # A view with axes n, c, i, j, u, v; tensordot copies it once and makes one matrix product.
    windows = np.lib.stride_tricks.sliding_window_view(xp, (kh, kw), axis=(2, 3))[:, :, ::stride, ::stride]
    out = np.tensordot(windows, w, axes=([1, 4, 5], [1, 2, 3])) + b
    return np.ascontiguousarray(out.transpose(0, 3, 1, 2))
