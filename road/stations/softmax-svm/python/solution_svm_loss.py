import numpy as np


def svm_loss(w, x, y, reg, delta):
    n = len(y)
    rows = np.arange(n)
    scores = x @ w
    margins = scores - scores[rows, y][:, None] + delta
    margins[rows, y] = 0  # the true class is not compared with itself
    loss = np.maximum(margins, 0).sum() / n + reg * (w**2).sum()
    dscores = (margins > 0).astype(float)
    dscores[rows, y] = -dscores.sum(axis=1)  # once for every class that comes too near
    return loss, x.T @ dscores / n + 2 * reg * w
