import numpy as np


def hue_saturation_value(frame):
    rgb = frame / 255
    r, g, b = np.moveaxis(rgb, -1, 0)
    value = rgb.max(axis=-1)
    spread = value - rgb.min(axis=-1)
    # Grey pixels have no hue and black ones no saturation: divide by 1 there and get 0.
    divisor = np.where(spread > 0, spread, 1)
    hue = np.where(
        value == r,
        60 * (g - b) / divisor,
        np.where(value == g, 120 + 60 * (b - r) / divisor, 240 + 60 * (r - g) / divisor),
    )
    hue = np.where(spread > 0, hue % 360, 0)
    saturation = spread / np.where(value > 0, value, 1)
    return hue, saturation, value


def largest_blob(mask):
    """The pixels of the largest connected blob as a list of (row, column); empty if there is none."""
    height, width = mask.shape
    unvisited = mask.copy()
    best = []
    for start in zip(*np.nonzero(mask)):
        if not unvisited[start]:
            continue
        unvisited[start] = False
        blob = [start]
        for i, j in blob:  # the list grows while it is walked
            for y in range(max(i - 1, 0), min(i + 2, height)):
                for x in range(max(j - 1, 0), min(j + 2, width)):
                    if unvisited[y, x]:
                        unvisited[y, x] = False
                        blob.append((y, x))
        if len(blob) > len(best):
            best = blob
    return best


def centroid_track(frames, lo, hi):
    track = np.full((len(frames), 2), np.nan)
    for t, frame in enumerate(frames):
        hue, saturation, value = hue_saturation_value(frame)
        if lo[0] <= hi[0]:
            in_hue = (hue >= lo[0]) & (hue <= hi[0])
        else:  # through 360, as red does
            in_hue = (hue >= lo[0]) | (hue <= hi[0])
        mask = in_hue & (saturation >= lo[1]) & (saturation <= hi[1]) & (value >= lo[2]) & (value <= hi[2])
        blob = largest_blob(mask)
        if blob:
            track[t] = np.mean(blob, axis=0)
    return track
