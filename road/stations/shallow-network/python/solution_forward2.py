import numpy as np


def forward2(x, w1, b1, w2, b2):
    a1 = np.tanh(w1 @ x + b1)  # b1 is a column: the same bias for every example
    # exp may overflow to infinity for a very negative sum; 1 / infinity is the 0 that is wanted.
    with np.errstate(over="ignore"):
        a2 = 1 / (1 + np.exp(-(w2 @ a1 + b2)))
    return a2, a1
