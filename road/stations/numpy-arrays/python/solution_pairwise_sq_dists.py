import numpy as np


def pairwise_sq_dists(a, b):
    # Distances do not change when both sets move; near the origin the squares are small and nothing cancels.
    center = b.mean(axis=0)
    a, b = a - center, b - center
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)  # (N, 1) + (M,) -> (N, M)
    return np.maximum(squares - 2 * a @ b.T, 0)  # rounding may leave -1e-16
