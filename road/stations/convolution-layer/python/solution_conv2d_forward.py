import numpy as np


def conv2d_forward(x, w, b, stride, pad):
    n, _, height, width = x.shape
    filters, _, kh, kw = w.shape
    if kh > height + 2 * pad or kw > width + 2 * pad:
        raise ValueError(f"a {kh} by {kw} kernel does not fit into {height + 2 * pad} by {width + 2 * pad} pixels")
    out_height = (height + 2 * pad - kh) // stride + 1
    out_width = (width + 2 * pad - kw) // stride + 1
    # Rows and columns only: the axes of images and channels are not padded.
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    out = np.zeros((n, filters, out_height, out_width))
    for i in range(out_height):
        for j in range(out_width):
            window = xp[:, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
            # [N, C, kh, kw] against [F, C, kh, kw], summed over C, kh and kw: [N, F].
            out[:, :, i, j] = np.tensordot(window, w, axes=([1, 2, 3], [1, 2, 3])) + b
    return out
