def normalize_splits(train, validation, test):
    mean, std = train.mean(axis=0), train.std(axis=0)
    std[std == 0] = 1  # a constant feature has nothing to be divided by
    return tuple((part - mean) / std for part in (train, validation, test))
