def minibatches(x, y, orders, size, step):
    per_epoch = -(-len(y) // size)  # rounded up: the last batch may be short
    epoch, k = divmod(step, per_epoch)
    chosen = orders[epoch, k * size : (k + 1) * size]
    return x[:, chosen], y[chosen]
