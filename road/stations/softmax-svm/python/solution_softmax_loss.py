import numpy as np


def softmax_loss(w, x, y, reg):
    n = len(y)
    scores = x @ w
    shifted = scores - scores.max(axis=1, keepdims=True)  # softmax does not change, and nothing overflows
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -log_p[np.arange(n), y].mean() + reg * (w**2).sum()
    dscores = np.exp(log_p)
    dscores[np.arange(n), y] -= 1
    return loss, x.T @ dscores / n + 2 * reg * w
