import numpy as np


def init_params(dims, z):
    pieces, used = [], 0
    for n_in, n_out in zip(dims[:-1], dims[1:]):
        weights = z[used : used + n_out * n_in]  # row by row, as they lie in z
        used += n_out * n_in
        pieces += [weights * np.sqrt(2 / n_in), np.zeros(n_out)]
    return np.concatenate(pieces)
