import numpy as np


def model_forward(x, dims, theta):
    a, cache = x, []
    for layer, (w, b) in enumerate(unpack(dims, theta), start=1):
        cache.append(a)
        z = w @ a + b
        a = np.maximum(z, 0) if layer < len(dims) - 1 else softmax(z)
    return a, np.vstack(cache)


def unpack(dims, theta):
    """The weights and biases of each layer: views of theta, nothing is copied."""
    used = 0
    for n_in, n_out in zip(dims[:-1], dims[1:]):
        w = theta[used : used + n_out * n_in].reshape(n_out, n_in)
        used += n_out * n_in
        b = theta[used : used + n_out, None]
        used += n_out
        yield w, b


def softmax(z):
    powers = np.exp(z - z.max(axis=0))
    return powers / powers.sum(axis=0)
