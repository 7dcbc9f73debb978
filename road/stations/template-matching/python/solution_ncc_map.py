import numpy as np


def ncc_map(img, t):
    if t.shape[0] > img.shape[0] or t.shape[1] > img.shape[1]:
        raise ValueError(f"a template of {t.shape} does not fit into {img.shape}")
    # Every window at once, shape (H-h+1, W-w+1, h, w): a view, until the means are subtracted.
    windows = np.lib.stride_tricks.sliding_window_view(img, t.shape)
    inside = (2, 3)
    w = windows - windows.mean(axis=inside, keepdims=True)
    d = t - t.mean()
    norms = np.sqrt((w**2).sum(axis=inside) * (d**2).sum())
    # No pattern: equal pixels are asked for, not a small norm, which would need a threshold.
    flat = (windows.max(axis=inside) == windows.min(axis=inside)) | (t.max() == t.min())
    return np.where(flat, 0, (w * d).sum(axis=inside) / np.where(flat, 1, norms))
