import numpy as np

HIDDEN, EPOCHS, BATCH, RATE = 48, 10, 25, 0.2


def rows(images):
    return images.reshape(len(images), -1) / 255


def mlp_train(x, y, x_new, k, seed):
    rng = np.random.default_rng(seed)  # all random numbers come from here
    x = rows(x)
    inputs = x.shape[1]
    w1, b1 = rng.normal(0, np.sqrt(2 / inputs), (inputs, HIDDEN)), np.zeros(HIDDEN)
    w2, b2 = rng.normal(0, np.sqrt(1 / HIDDEN), (HIDDEN, k)), np.zeros(k)
    for _ in range(EPOCHS):
        order = rng.permutation(len(x))
        for start in range(0, len(x), BATCH):
            batch = order[start : start + BATCH]  # one index for images and labels
            xb, yb = x[batch], y[batch]
            z = xb @ w1 + b1
            h = np.maximum(z, 0)
            logits = h @ w2 + b2
            p = np.exp(logits - logits.max(axis=1, keepdims=True))
            dlogits = p / p.sum(axis=1, keepdims=True)
            dlogits[np.arange(len(yb)), yb] -= 1
            dlogits /= len(yb)
            dz = (dlogits @ w2.T) * (z > 0)
            w2 -= RATE * h.T @ dlogits
            b2 -= RATE * dlogits.sum(axis=0)
            w1 -= RATE * xb.T @ dz
            b1 -= RATE * dz.sum(axis=0)
    return (np.maximum(rows(x_new) @ w1 + b1, 0) @ w2 + b2).argmax(axis=1)
