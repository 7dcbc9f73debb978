import numpy as np


def is_linear(op, trials, seed):
    rng = np.random.default_rng(seed)
    for _ in range(trials):
        # Both signs and the whole range: clipping and magnitudes only show themselves there.
        f = rng.uniform(-255, 255, (8, 9))
        g = rng.uniform(-255, 255, (8, 9))
        a, b = rng.uniform(-1, 1, 2)
        together = op(a * f + b * g)
        apart = a * op(f) + b * op(g)
        scale = max(np.abs(together).max(), np.abs(apart).max())
        if np.abs(together - apart).max() > 1e-8 * scale:
            return False
    return True
