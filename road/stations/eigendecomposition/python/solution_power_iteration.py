import numpy as np


def power_iteration(a, start, tol, max_steps):
    length = np.linalg.norm(start)
    if length == 0:
        raise ValueError("a start of zeros stays zero, it has no direction")
    v = start / length
    for _ in range(max_steps):
        image = a @ v
        value = v @ image  # the Rayleigh quotient of a unit vector
        if np.linalg.norm(image - value * v) <= tol * abs(value):
            return value, v
        v = image / np.linalg.norm(image)
    raise ValueError(f"no eigenvector after {max_steps} steps")
