import numpy as np


def shifted(image, rows, columns):
    height, width = image.shape
    out = np.zeros_like(image)
    if abs(rows) < height and abs(columns) < width:
        # Where it comes from and where it goes to, cut off at the borders.
        source = image[max(-rows, 0) : height - max(rows, 0), max(-columns, 0) : width - max(columns, 0)]
        out[max(rows, 0) : height - max(-rows, 0), max(columns, 0) : width - max(-columns, 0)] = source
    return out


def training_batch(x, y, order, shifts, size, batch, training):
    if batch * size >= len(x):
        raise ValueError("there is no such batch")
    indices = (order if training else np.arange(len(x)))[batch * size : (batch + 1) * size]
    if not training:
        return x[indices], y[indices]
    return np.stack([shifted(x[i], *shifts[i]) for i in indices]), y[indices]
