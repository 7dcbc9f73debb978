import numpy as np


def windows(img, r):
    """The (2r + 1)^2 neighbours of every pixel, side by side on a last axis."""
    padded = np.pad(img, r, mode="symmetric")
    view = np.lib.stride_tricks.sliding_window_view(padded, (2 * r + 1, 2 * r + 1))
    return view.reshape(*img.shape, -1)


def without_dots(img):
    """Pixels that are exactly 0 or 255 know nothing: ask their neighbours, and change no other pixel."""
    known = np.where((img == 0) | (img == 255), np.nan, img)
    out = known.copy()
    for r in (1, 2, 3):  # a larger window where all of the smaller one was hit
        near = windows(known, r)
        askable = np.isnan(out) & ~np.isnan(near).all(axis=-1)
        out[askable] = np.nanmedian(near[askable], axis=-1)
    return np.where(np.isnan(out), img, out)


def bilateral(img, place, brightness):
    """A mean over what is near in place and in brightness: noise is averaged, edges are not crossed."""
    r = int(np.ceil(2 * place))
    d = np.arange(-r, r + 1)
    distance = (d[:, None] ** 2 + d[None, :] ** 2).ravel()
    near = windows(img, r)
    difference = near - img[..., None]
    weights = np.exp(-distance / (2 * place**2) - difference**2 / (2 * brightness**2))
    return (weights * near).sum(axis=-1) / weights.sum(axis=-1)


def denoise(noisy, kind):
    if kind == "gaussian":
        return bilateral(noisy, 1.5, 50)
    if kind == "salt-pepper":
        return without_dots(noisy)
    if kind == "mixed":
        return bilateral(without_dots(noisy), 1.3, 28)  # dots first: smoothing would smear them
    raise ValueError(f"there is no noise {kind!r}")
