import numpy as np


def add_gaussian_noise(img, sigma, u1, u2):
    if sigma < 0:
        raise ValueError(f"sigma must not be negative, it is {sigma}")
    # A random point of the plane: its distance from the origin, and one coordinate of it.
    distance = np.sqrt(-2 * np.log(u1))
    z = distance * np.cos(2 * np.pi * u2)
    return img + sigma * z
