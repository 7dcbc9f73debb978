import numpy as np


def forward(windows, masks, w, b, v, c):
    z = np.einsum("nijuv,fuv->nfij", windows, w) + b[:, None, None]
    features = np.maximum(z, 0).mean(axis=(2, 3)) * masks
    return z, features, features @ v.T + c


def train_cnn(x, y, order, size, masks, w, b, v, c, lr):
    # All windows of all images, as a view: [N, H', W', kh, kw].
    windows = np.lib.stride_tricks.sliding_window_view(x / 255, w.shape[1:], axis=(1, 2))
    accuracy = []
    for epoch, images in enumerate(order):
        for start in range(0, len(images), size):
            batch = images[start : start + size]
            kept = masks[epoch, batch]
            z, features, logits = forward(windows[batch], kept, w, b, v, c)
            # Backward, all gradients at the same point.
            p = np.exp(logits - logits.max(axis=1, keepdims=True))
            dlogits = p / p.sum(axis=1, keepdims=True)
            dlogits[np.arange(len(batch)), y[batch]] -= 1
            dlogits /= len(batch)
            dfeatures = dlogits @ v * kept
            dz = (dfeatures / z[0, 0].size)[:, :, None, None] * (z > 0)
            # Update. New arrays: the caller's stay as they are.
            w = w - lr * np.einsum("nfij,nijuv->fuv", dz, windows[batch])
            b = b - lr * dz.sum(axis=(0, 2, 3))
            v = v - lr * dlogits.T @ features
            c = c - lr * dlogits.sum(axis=0)
        logits = forward(windows, 1.0, w, b, v, c)[2]  # to measure, every unit takes part
        accuracy.append((logits.argmax(axis=1) == y).mean())
    return w, b, v, c, np.array(accuracy)
