import numpy as np


def col2im(columns, shape, kh, kw, stride, pad):
    n, c, height, width = (int(size) for size in shape)
    out_height = (height + 2 * pad - kh) // stride + 1
    out_width = (width + 2 * pad - kw) // stride + 1
    windows = columns.reshape(c, kh, kw, n, out_height, out_width)
    xp = np.zeros((n, c, height + 2 * pad, width + 2 * pad))
    for u in range(kh):
        for v in range(kw):
            # One tap never meets the same pixel twice, so += on a slice loses nothing.
            taps = xp[:, :, u : u + stride * out_height : stride, v : v + stride * out_width : stride]
            taps += windows[:, u, v].transpose(1, 0, 2, 3)
    return xp[:, :, pad : pad + height, pad : pad + width]
