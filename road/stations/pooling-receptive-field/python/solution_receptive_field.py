def receptive_field(layers):
    size, jump, start = 1, 1, 0.0
    for kernel, stride, pad in layers.tolist():
        # The kernel steps over units of the layer below, which lie `jump` pixels apart.
        start += ((kernel - 1) / 2 - pad) * jump
        size += (kernel - 1) * jump
        jump *= stride
    return size, jump, start
