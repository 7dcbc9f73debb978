import numpy as np


def logsumexp(x):
    shift = x.max(axis=1, keepdims=True)
    shift[np.isneginf(shift)] = 0  # infinity minus infinity is not a number
    with np.errstate(divide="ignore"):  # log(0) is the minus infinity that is wanted
        return np.log(np.exp(x - shift).sum(axis=1)) + shift[:, 0]
