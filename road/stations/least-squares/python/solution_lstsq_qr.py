import numpy as np


def lstsq_qr(a, b):
    q = column_basis(a)
    # a x = b, seen from the column space: r x = q.T b, with rows of r that are independent.
    r = q.T @ a
    p, t = np.linalg.qr(r.T)  # r = t.T p.T: the shortest x is a combination of the columns of p
    return p @ np.linalg.solve(t.T, q.T @ b)


def column_basis(a):
    """Orthonormal columns that span the columns of a: Gram-Schmidt, the longest remaining column first."""
    q = np.empty((len(a), 0))
    rest = a.copy()
    negligible = 1e-10 * np.linalg.norm(a, axis=0).max()
    while q.shape[1] < min(a.shape):
        lengths = np.linalg.norm(rest, axis=0)
        longest = lengths.argmax()
        if lengths[longest] <= negligible:
            break
        direction = rest[:, longest]
        direction = direction - q @ (q.T @ direction)  # once more, against rounding
        direction = direction / np.linalg.norm(direction)
        q = np.column_stack([q, direction])
        rest = rest - np.outer(direction, direction @ rest)
    return q
