import numpy as np


def area_weights(old, new):
    """Row i holds the share of every old pixel in new pixel i; rows sum to 1."""
    scale = old / new
    start = np.arange(new)[:, None] * scale  # new pixel i covers start .. start + scale
    source = np.arange(old)[None, :]  # old pixel s covers s .. s + 1
    overlap = np.minimum(start + scale, source + 1) - np.maximum(start, source)
    return np.clip(overlap, 0, None) / scale


def mnist_preprocess(canvas):
    rows = np.flatnonzero(canvas.any(axis=1))
    columns = np.flatnonzero(canvas.any(axis=0))
    if rows.size == 0:
        raise ValueError("the canvas is empty")
    cut = canvas[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(float)

    # One factor for both sides, so that a 1 stays thin.
    longer = max(cut.shape)
    height, width = (max(1, int(np.floor(20 * side / longer + 0.5))) for side in cut.shape)
    digit = area_weights(cut.shape[0], height) @ cut @ area_weights(cut.shape[1], width).T

    mass = digit.sum()
    cy = (digit.sum(axis=1) @ np.arange(height)) / mass
    cx = (digit.sum(axis=0) @ np.arange(width)) / mass
    top = int(np.clip(np.floor(14 - cy), 0, 28 - height))
    left = int(np.clip(np.floor(14 - cx), 0, 28 - width))
    image = np.zeros((28, 28))
    image[top : top + height, left : left + width] = digit
    return ((image / 255 - 0.1307) / 0.3081).astype(np.float32)
