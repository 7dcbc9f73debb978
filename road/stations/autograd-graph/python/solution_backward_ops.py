import numpy as np


def backward_ops(g, a, b):
    da = g @ np.swapaxes(b, -1, -2)
    db = np.swapaxes(a, -1, -2) @ g
    return unbroadcast(da, a.shape), unbroadcast(db, b.shape)


def unbroadcast(g, shape):
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    return g.sum(axis=tuple(axis for axis, length in enumerate(shape) if length == 1), keepdims=True)
