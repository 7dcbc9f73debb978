import numpy as np


def conv2d_backward(dout, x, w, stride, pad):
    _, _, height, width = x.shape
    _, _, kh, kw = w.shape
    _, _, out_height, out_width = dout.shape
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dxp = np.zeros(xp.shape)
    dw = np.zeros(w.shape)
    db = dout.sum(axis=(0, 2, 3))
    # The windows of the forward pass once more; each product passes the gradient on to both its factors.
    for i in range(out_height):
        for j in range(out_width):
            rows = slice(i * stride, i * stride + kh)
            columns = slice(j * stride, j * stride + kw)
            g = dout[:, :, i, j]  # [N, F]
            dw += np.tensordot(g, xp[:, :, rows, columns], axes=([0], [0]))  # summed over the images
            dxp[:, :, rows, columns] += np.tensordot(g, w, axes=([1], [0]))  # summed over the filters
    # Ends as positions: [pad:-pad] would be empty for pad = 0.
    dx = dxp[:, :, pad : pad + height, pad : pad + width]
    return dx, dw, db
