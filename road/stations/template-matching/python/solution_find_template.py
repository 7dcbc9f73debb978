import numpy as np


def find_template(scores, n, min_dist):
    if min_dist < 1:
        raise ValueError(f"min_dist must be at least 1, it is {min_dist}")
    left = scores.copy()
    places = []
    while len(places) < n:
        i, j = np.unravel_index(np.argmax(left), left.shape)  # the first of equal scores, row by row
        if left[i, j] == -np.inf:
            break
        places.append((i, j))
        # A start below 0 would count from the other end.
        top, start = max(0, i - min_dist + 1), max(0, j - min_dist + 1)
        left[top : i + min_dist, start : j + min_dist] = -np.inf
    return np.array(places, dtype=np.int64).reshape(-1, 2)
