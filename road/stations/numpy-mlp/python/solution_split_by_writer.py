import numpy as np


def split_by_writer(writers, order, validation, test):
    if validation + test >= len(order):
        raise ValueError("no writer is left for training")
    # Writers are split; their images follow.
    parts = np.split(order, [test, test + validation])
    in_test, in_validation, in_train = (np.flatnonzero(np.isin(writers, part)) for part in parts)
    return in_train, in_validation, in_test
