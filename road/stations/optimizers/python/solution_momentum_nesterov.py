def momentum_nesterov(w, g, v, lr, mu, nesterov):
    v = mu * v + g  # a new array: the caller's velocity stays as it is
    direction = g + mu * v if nesterov else v
    return w - lr * direction, v
