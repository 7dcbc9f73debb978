def mse_and_grad(x, y, w, b):
    r = x @ w + b - y
    per_prediction = 2 * r / len(y)  # the gradient of the loss with respect to each prediction
    return (r**2).mean(), x.T @ per_prediction, per_prediction.sum()
