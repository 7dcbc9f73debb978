import numpy as np

KERNELS, SIDE, POOL = 12, 5, 4
BATCH, RATE = 25, 0.2


def windows_of(images):
    """Every 5 by 5 window of every image as a row: [N, H'*W', 25]."""
    images = images.astype(np.float32) / 255
    views = np.lib.stride_tricks.sliding_window_view(images, (SIDE, SIDE), axis=(1, 2))
    views = views[:, : views.shape[1] // POOL * POOL, : views.shape[2] // POOL * POOL]  # what pooling uses
    return views.reshape(len(images), -1, SIDE * SIDE)


class Net:
    def __init__(self, size, classes, rng):
        self.rows, self.columns = ((length - SIDE + 1) // POOL for length in size)
        features = self.rows * self.columns * KERNELS
        self.w = self.normal(rng, SIDE * SIDE, KERNELS)
        self.b = np.zeros(KERNELS, np.float32)
        self.v = self.normal(rng, features, classes)
        self.c = np.zeros(classes, np.float32)

    @staticmethod
    def normal(rng, inputs, outputs):
        return (rng.normal(size=(inputs, outputs)) * np.sqrt(2 / inputs)).astype(np.float32)

    def forward(self, windows):
        n = len(windows)
        z = windows @ self.w + self.b
        # The 16 pixels of each pooling window side by side: [N, rows, columns, KERNELS, 16].
        blocks = z.reshape(n, self.rows, POOL, self.columns, POOL, KERNELS).transpose(0, 1, 3, 5, 2, 4)
        blocks = blocks.reshape(n, self.rows, self.columns, KERNELS, POOL * POOL)
        place = blocks.argmax(axis=-1)
        pooled = np.maximum(np.take_along_axis(blocks, place[..., None], axis=-1)[..., 0], 0)
        features = pooled.reshape(n, -1)
        return place, pooled, features, features @ self.v + self.c

    def step(self, windows, y, rate):
        n = len(y)
        place, pooled, features, logits = self.forward(windows)
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        dlogits = p / p.sum(axis=1, keepdims=True)
        dlogits[np.arange(n), y] -= 1
        dlogits *= rate / n  # with the learning rate, what follows are the steps
        dpooled = (dlogits @ self.v.T).reshape(pooled.shape) * (pooled > 0)
        # Each maximum passes its gradient to the one window it came from.
        image, row, column, kernel = np.indices(place.shape, sparse=True)
        pixel = (row * POOL + place // POOL) * self.columns * POOL + column * POOL + place % POOL
        chosen = windows[image, pixel]  # [N, rows, columns, KERNELS, 25]
        self.w -= np.einsum("nijk,nijkt->tk", dpooled, chosen)
        self.b -= dpooled.sum(axis=(0, 1, 2))
        self.v -= features.T @ dlogits
        self.c -= dlogits.sum(axis=0)


def cnn_train(x, y, x_new, k, seed):
    rng = np.random.default_rng(seed)  # all random numbers come from here
    net = Net(x.shape[1:], k, rng)
    epochs = 2 + 12000 // len(x)  # more images, fewer epochs
    rates = iter(np.linspace(RATE, 0, epochs * -(-len(x) // BATCH), dtype=np.float32))
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), BATCH):
            batch = order[start : start + BATCH]  # one index for images and labels
            # The windows of a batch: those of all images would fill the memory.
            net.step(windows_of(x[batch]), y[batch], next(rates))
    portions = [windows_of(x_new[start : start + 250]) for start in range(0, len(x_new), 250)]
    return np.concatenate([net.forward(portion)[3].argmax(axis=1) for portion in portions])
