import numpy as np


def adam(w, g, m, v, t, lr, b1, b2, eps, decay):
    m = b1 * m + (1 - b1) * g
    v = b2 * v + (1 - b2) * g**2
    # After t steps a mean that began at zero has gathered the share 1 - b**t. Used here, never stored.
    m_hat = m / (1 - b1**t)
    v_hat = v / (1 - b2**t)
    w = w - lr * (m_hat / (np.sqrt(v_hat) + eps) + decay * w)
    return w, m, v
