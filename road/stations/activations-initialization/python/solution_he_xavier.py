import numpy as np


def he_xavier(noise, kind):
    n_out, n_in = noise.shape
    variances = {"he": 2 / n_in, "xavier": 2 / (n_in + n_out)}
    family, _, spread = kind.partition("_")
    if family not in variances or spread not in ("normal", "uniform"):
        raise ValueError(f"there is no kind {kind!r}")
    std = np.sqrt(variances[family])
    if spread == "normal":
        return std * noise
    # Evenly spread from -bound to bound, the variance is bound**2 / 3.
    bound = np.sqrt(3) * std
    return bound * (2 * noise - 1)
