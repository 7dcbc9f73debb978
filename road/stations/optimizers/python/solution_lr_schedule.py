import math


def lr_schedule(kind, step, base, floor, total, warmup):
    if kind not in ("step", "exponential", "linear", "cosine"):
        raise ValueError(f"there is no kind {kind!r}")
    if step < warmup:
        return base * (step + 1) / (warmup + 1)
    p = min(1.0, (step - warmup) / (total - warmup))
    if kind == "step":
        return base * 0.1 ** ((p >= 0.5) + (p >= 0.75))
    if kind == "exponential":
        return base * (floor / base) ** p
    if kind == "linear":
        return base + (floor - base) * p
    return floor + (base - floor) * (1 + math.cos(math.pi * p)) / 2
