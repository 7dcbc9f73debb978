import numpy as np


def sigmoid(z):
    # exp may overflow to infinity for very negative z; 1 / infinity is the 0 that is wanted.
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-z))
