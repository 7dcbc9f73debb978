def dropout(x, u, p_drop, train, dout):
    if not train:
        return x.copy(), dout.copy()
    # One mask, scale included, serves both directions: neither can lose what the other has.
    mask = (u[: len(x)] >= p_drop) / (1 - p_drop)
    return x * mask, dout * mask
