def batches(order, size):
    if size < 1:
        raise ValueError(f"the size must be at least 1, it is {size}")
    for start in range(0, len(order), size):
        yield order[start : start + size]  # at the end a slice is simply shorter
