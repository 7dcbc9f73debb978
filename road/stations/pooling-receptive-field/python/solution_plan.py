import numpy as np

CONV, POOL, LINEAR = 0, 1, 2


def plan(layers, shape):
    c, h, w = (int(length) for length in shape)
    table = []
    for kind, outputs, kernel, stride, pad in layers.tolist():
        if kind == LINEAR:
            inputs = c * h * w
            c, h, w = outputs, 1, 1
            table.append((c, h, w, outputs * (inputs + 1), outputs * inputs))
            continue
        if kernel > h + 2 * pad or kernel > w + 2 * pad:
            raise ValueError(f"a kernel of {kernel} does not fit into {h + 2 * pad} by {w + 2 * pad}")
        h = (h + 2 * pad - kernel) // stride + 1
        w = (w + 2 * pad - kernel) // stride + 1
        if kind == POOL:
            table.append((c, h, w, 0, 0))
        else:
            fan_in = c * kernel**2
            c = outputs
            table.append((c, h, w, outputs * (fan_in + 1), outputs * h * w * fan_in))
    return np.array(table, dtype=np.int64)
