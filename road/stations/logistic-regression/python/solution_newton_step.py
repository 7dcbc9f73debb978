import numpy as np


def newton_step(theta, x, y, lam):
    m, d = x.shape
    with np.errstate(over="ignore"):
        p = 1 / (1 + np.exp(-(x @ theta)))
    gradient = x.T @ (p - y) / m + lam * theta
    # Scaling the rows of x is the same as the product with diag(p * (1 - p)), without the m by m matrix.
    hessian = x.T @ (x * (p * (1 - p))[:, None]) / m + lam * np.eye(d)
    return theta - np.linalg.solve(hessian, gradient)
