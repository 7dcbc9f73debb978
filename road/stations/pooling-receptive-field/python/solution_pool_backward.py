import numpy as np


def pool_backward(g, x, kh, kw, stride, mode):
    dx = np.zeros(x.shape)
    images, channels = np.ogrid[: x.shape[0], : x.shape[1]]
    for i in range(g.shape[2]):
        for j in range(g.shape[3]):
            top, left = i * stride, j * stride
            if mode == "average":
                dx[:, :, top : top + kh, left : left + kw] += g[:, :, i, j, None, None] / (kh * kw)
            else:
                window = x[:, :, top : top + kh, left : left + kw]
                place = window.reshape(x.shape[0], x.shape[1], kh * kw).argmax(axis=-1)
                # One pixel per plane, so no index comes twice and += is safe.
                dx[images, channels, top + place // kw, left + place % kw] += g[:, :, i, j]
    return dx
