from builtins import object, range

import numpy as np
from past.builtins import xrange


class KNearestNeighbor(object):
    """A classifier that remembers all examples."""

    def __init__(self):
        pass

    def train(self, X, y):
        self.X_train = X
        self.y_train = y

    def predict(self, X, k=1, num_loops=0):
        return self.predict_labels(self.compute_distances_no_loops(X), k=k)

    def compute_distances_two_loops(self, X):
        dists = np.zeros((X.shape[0], self.X_train.shape[0]))
        for i in xrange(X.shape[0]):
            for j in xrange(self.X_train.shape[0]):
                dists[i, j] = np.sqrt(np.sum((X[i] - self.X_train[j]) ** 2))
        return dists

    def compute_distances_one_loop(self, X):
        dists = np.zeros((X.shape[0], self.X_train.shape[0]))
        for i in range(X.shape[0]):
            dists[i, :] = np.linalg.norm(self.X_train - X[i], axis=1)
        return dists

    def compute_distances_no_loops(self, X):
        squares = (X**2).sum(axis=1)[:, None] + (self.X_train**2).sum(axis=1) - 2 * X @ self.X_train.T
        return np.sqrt(np.maximum(squares, 0))

    def predict_labels(self, dists, k=1):
        y_pred = np.zeros(dists.shape[0])
        for i in range(dists.shape[0]):
            closest_y = self.y_train[np.argsort(dists[i])[:k]]
            y_pred[i] = np.argmax(np.bincount(closest_y))
        return y_pred
