class RunningMean:
    """Mean and variance of the numbers pushed so far (Welford 1962)."""

    def __init__(self):
        self._n = 0
        self._mean = 0.0
        self._squares = 0.0  # sum of the squared distances to the mean

    def push(self, x):
        self._n += 1
        distance = x - self._mean
        self._mean += distance / self._n
        self._squares += distance * (x - self._mean)  # before the mean moved, times after

    @property
    def mean(self):
        if self._n < 1:
            raise ValueError("the mean of no numbers")
        return self._mean

    @property
    def var(self):
        if self._n < 2:
            raise ValueError("a variance needs two numbers")
        return self._squares / (self._n - 1)


def running_mean(first, second):
    """Feeds two objects by turns and asks both. The check calls it: leave it as it is."""
    a, b = RunningMean(), RunningMean()
    for i in range(max(len(first), len(second))):
        if i < len(first):
            a.push(first[i])
        if i < len(second):
            b.push(second[i])
    return a.mean, a.var, b.mean, b.var
