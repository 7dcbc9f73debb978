import numpy as np


def bn_forward(x, gamma, beta, running_mean, running_var, momentum, eps, train):
    n = len(x)
    if train:
        if n == 1:
            raise ValueError("a batch of one has no variance")
        mean, var = x.mean(axis=0), x.var(axis=0)
        # What is kept for later estimates the variance of all data: N - 1 in its denominator.
        running_mean = (1 - momentum) * running_mean + momentum * mean
        running_var = (1 - momentum) * running_var + momentum * var * n / (n - 1)
    else:
        mean, var = running_mean, running_var
    y = gamma * (x - mean) / np.sqrt(var + eps) + beta  # one line for both modes
    return y, running_mean, running_var
