import math

import numpy as np


def honest_split(order, groups, labels, dev, test):
    if dev < 0 or test < 0 or dev + test > 1:
        raise ValueError(f"shares of {dev} and {test} cannot be taken")
    classes = {}  # the groups of each class, as they first appear
    for sample in order:
        # A dictionary keeps the order of its keys, and each of them once.
        classes.setdefault(labels[sample], {})[groups[sample]] = None
    part_of = {}
    for members in classes.values():
        tests = math.floor(test * len(members) + 0.5)
        devs = math.floor(dev * len(members) + 0.5)
        for place, group in enumerate(members):
            part_of[group] = 2 if place < tests else 1 if place < tests + devs else 0
    return np.array([part_of[group] for group in groups])
