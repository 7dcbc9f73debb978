import numpy as np


def activation_pairs(kind, x, g):
    if kind == "sigmoid":
        y = sigmoid(x)
        slope = y * (1 - y)
    elif kind == "tanh":
        y = np.tanh(x)
        slope = 1 - y**2
    elif kind == "relu":
        y = np.maximum(x, 0)
        slope = np.where(x > 0, 1.0, 0.0)
    elif kind == "leaky_relu":
        slope = np.where(x > 0, 1.0, 0.01)
        y = slope * x
    elif kind == "elu":
        below = np.minimum(x, 0)  # exp never sees a large number
        y = np.where(x > 0, x, np.expm1(below))
        slope = np.exp(below)  # 1 above zero, by itself
    elif kind == "softplus":
        y = np.logaddexp(0, x)
        slope = sigmoid(x)
    elif kind == "gelu":
        c = np.sqrt(2 / np.pi)
        t = np.tanh(c * (x + 0.044715 * x**3))
        y = 0.5 * x * (1 + t)
        slope = 0.5 * (1 + t) + 0.5 * x * (1 - t**2) * c * (1 + 3 * 0.044715 * x**2)
    else:
        raise ValueError(f"there is no activation {kind!r}")
    return y, g * slope


def sigmoid(x):
    # exp may overflow to infinity for a very negative x; 1 / infinity is the 0 that is wanted.
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x))
