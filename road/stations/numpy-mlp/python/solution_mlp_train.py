import numpy as np

HIDDEN, BATCH, RATE = 128, 50, 0.4


def rows(images):
    return images.reshape(len(images), -1).astype(np.float32) / 255


def normal(rng, inputs, outputs):
    return (rng.normal(size=(inputs, outputs)) * np.sqrt(2 / inputs)).astype(np.float32)


def mlp_train(x, y, x_new, k, seed):
    rng = np.random.default_rng(seed)  # all random numbers come from here
    x = rows(x)
    w1, b1 = normal(rng, x.shape[1], HIDDEN), np.zeros(HIDDEN, np.float32)
    w2, b2 = normal(rng, HIDDEN, k), np.zeros(k, np.float32)
    epochs = 5 + 18000 // len(x)  # more images, fewer epochs
    rates = iter(np.linspace(RATE, 0, epochs * -(-len(x) // BATCH), dtype=np.float32))
    for _ in range(epochs):
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
            dlogits *= next(rates) / len(yb)  # with the learning rate, what follows are the steps
            dz = (dlogits @ w2.T) * (z > 0)
            w2 -= h.T @ dlogits
            b2 -= dlogits.sum(axis=0)
            w1 -= xb.T @ dz
            b1 -= dz.sum(axis=0)
    return (np.maximum(rows(x_new) @ w1 + b1, 0) @ w2 + b2).argmax(axis=1)
