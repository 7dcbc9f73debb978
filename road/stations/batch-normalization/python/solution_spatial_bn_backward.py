import numpy as np


def spatial_bn_backward(dout, x, gamma, eps):
    n, c, h, w = x.shape
    # Every pixel is an example: channels to the end, then one row per pixel.
    rows, drows = (maps.transpose(0, 2, 3, 1).reshape(-1, c) for maps in (x, dout))
    deviation = np.sqrt(rows.var(axis=0) + eps)
    xhat = (rows - rows.mean(axis=0)) / deviation
    d = gamma * drows
    dx = (d - d.mean(axis=0) - xhat * (d * xhat).mean(axis=0)) / deviation
    dx = dx.reshape(n, h, w, c).transpose(0, 3, 1, 2)
    return dx, (drows * xhat).sum(axis=0), drows.sum(axis=0)
