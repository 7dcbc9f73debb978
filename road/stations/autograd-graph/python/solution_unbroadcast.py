def unbroadcast(g, shape):
    added = g.ndim - len(shape)
    g = g.sum(axis=tuple(range(added)))  # axes in front that broadcasting added
    stretched = tuple(axis for axis, length in enumerate(shape) if length == 1)
    return g.sum(axis=stretched, keepdims=True)  # the sum over an axis of length 1 changes nothing
