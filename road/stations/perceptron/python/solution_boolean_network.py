import numpy as np


def boolean_network(f):
    # Each unit as (weights, bias): it fires if p + q reaches the threshold, or stays below it.
    and_, or_ = ([1.0, 1.0], -1.5), ([1.0, 1.0], -0.5)
    nand, nor = ([-1.0, -1.0], 1.5), ([-1.0, -1.0], 0.5)
    hidden = {
        "and": [and_], "or": [or_], "nand": [nand], "nor": [nor],
        "xor": [or_, nand],  # at least one, and not both
        "xnor": [and_, nor],  # both, or none
    }
    if f not in hidden:
        raise ValueError(f"there is no function called {f}")
    w1 = np.array([weights for weights, _ in hidden[f]])
    b1 = np.array([bias for _, bias in hidden[f]])
    w2 = np.ones(len(b1))
    b2 = -1.5 if f == "xor" else -0.5  # both hidden units must fire, or one is enough
    return w1, b1, w2, b2
