import numpy as np


def conv(x, w, stride):
    kh, kw = w.shape[2:]
    x = np.pad(x, ((0, 0), (0, 0), (kh // 2, kh // 2), (kw // 2, kw // 2)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (kh, kw), axis=(2, 3))[:, :, ::stride, ::stride]
    return np.tensordot(windows, w, axes=([1, 4, 5], [1, 2, 3])).transpose(0, 3, 1, 2)


def residual_block(x, w1, w2, wp, stride):
    branch = conv(np.maximum(conv(x, w1, stride), 0), w2, 1)
    same_shape = stride == 1 and w1.shape[0] == x.shape[1]
    shortcut = x if same_shape else conv(x, wp, stride)
    return np.maximum(branch + shortcut, 0)
