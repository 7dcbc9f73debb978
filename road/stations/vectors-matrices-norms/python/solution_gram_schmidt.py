import numpy as np


def gram_schmidt(a):
    n, k = a.shape
    q, R = np.zeros((n, k)), np.zeros((k, k))
    rank = 0
    for j in range(k):
        rest = a[:, j].copy()
        for i in range(rank):
            R[i, j] = q[:, i] @ rest  # of what is left, not of a[:, j]: that keeps q orthogonal
            rest -= R[i, j] * q[:, i]
        length = np.linalg.norm(rest)
        if length > 1e-10 * np.linalg.norm(a[:, j]):
            q[:, rank] = rest / length
            R[rank, j] = length
            rank += 1
    return q[:, :rank], R[:rank]
