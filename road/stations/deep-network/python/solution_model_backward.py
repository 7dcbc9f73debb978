import numpy as np


def model_backward(al, y, cache, dims, theta):
    inputs = np.split(cache, np.cumsum(dims[:-1])[:-1])  # x, a1, ..., a(L-1)
    weights = unpack_weights(dims, theta)
    dz = (al - y) / y.shape[1]  # softmax and cross-entropy in one; the mean enters here and nowhere else
    pieces = []
    for a, w in zip(reversed(inputs), reversed(weights)):
        pieces = [(dz @ a.T).ravel(), dz.sum(axis=1)] + pieces  # theta begins with layer 1
        dz = (w.T @ dz) * (a > 0)  # through the weights, then through the ReLU that made a
    return np.concatenate(pieces)


def unpack_weights(dims, theta):
    weights, used = [], 0
    for n_in, n_out in zip(dims[:-1], dims[1:]):
        weights.append(theta[used : used + n_out * n_in].reshape(n_out, n_in))
        used += n_out * (n_in + 1)  # the biases are not needed here
    return weights
