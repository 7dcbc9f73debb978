import numpy as np


def learning_curve(x, y, x_val, y_val, k, sizes):
    if any(not k <= size <= len(x) for size in sizes):
        raise ValueError(f"a training set has {k} to {len(x)} examples here")
    train = [np.mean(knn_predict(x[:s], y[:s], x[:s], k) != y[:s]) for s in sizes]
    val = [np.mean(knn_predict(x[:s], y[:s], x_val, k) != y_val) for s in sizes]
    return np.array(train), np.array(val)


def knn_predict(xtr, ytr, xte, k):
    distances = (xtr**2).sum(axis=1) - 2 * xte @ xtr.T  # squared, but for what is the same for all
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :k]
    votes = ytr[nearest][:, :, None] == np.arange(ytr.max() + 1)
    return votes.sum(axis=1).argmax(axis=1)
