import numpy as np


def grad_check(f, x, g, h):
    numeric = np.empty_like(x)
    for place in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[place] += h
        down[place] -= h
        numeric[place] = (f(up) - f(down)) / (2 * h)
    distance = np.linalg.norm(g - numeric, axis=1)
    lengths = np.linalg.norm(g, axis=1) + np.linalg.norm(numeric, axis=1)
    # Two zero gradients agree.
    return np.divide(distance, lengths, out=np.zeros_like(distance), where=lengths > 0).max()
