import numpy as np


def bn_backward(dout, x, gamma, eps):
    deviation = np.sqrt(x.var(axis=0) + eps)
    xhat = (x - x.mean(axis=0)) / deviation
    d = gamma * dout  # the gradient of xhat
    # What would move all examples alike, or stretch them alike, is normalised away again: it has no effect.
    dx = (d - d.mean(axis=0) - xhat * (d * xhat).mean(axis=0)) / deviation
    return dx, (dout * xhat).sum(axis=0), dout.sum(axis=0)
