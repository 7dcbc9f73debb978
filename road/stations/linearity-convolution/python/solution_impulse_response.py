import numpy as np


def impulse_response(op, radius):
    # Window and margin: what the border rule does stays outside of what is returned.
    margin = 2 * radius + 1
    center = radius + margin
    impulse = np.zeros((2 * center + 1, 2 * center + 1))
    impulse[center, center] = 1
    response = op(impulse)
    return response[center - radius : center + radius + 1, center - radius : center + radius + 1]
