import numpy as np


def entropy_kl(p, q):
    for weights in (p, q):
        if (weights < 0).any() or weights.sum() == 0:
            raise ValueError("weights must not be negative, and not all 0")
    happens = p > 0  # what never happens contributes nothing
    p, q = (p / p.sum())[happens], (q / q.sum())[happens]
    with np.errstate(divide="ignore"):  # where q is 0, KL is infinite
        return -(p * np.log(p)).sum(), (p * (np.log(p) - np.log(q))).sum()
