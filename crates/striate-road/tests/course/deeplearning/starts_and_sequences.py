# %%
import numpy as np

# %%
def initialize_parameters(n_x, n_h, n_y):
    np.random.seed(1)
    W1, b1 = np.random.randn(n_h, n_x) * 0.01, np.zeros((n_h, 1))
    W2, b2 = np.random.randn(n_y, n_h) * 0.01, np.zeros((n_y, 1))
    return {"W1": W1, "b1": b1, "W2": W2, "b2": b2}


def initialize_parameters_deep(layer_dims):
    np.random.seed(3)
    parameters = {}
    for l in range(1, len(layer_dims)):
        parameters["W" + str(l)] = np.random.randn(layer_dims[l], layer_dims[l - 1]) / np.sqrt(layer_dims[l - 1])
        parameters["b" + str(l)] = np.zeros((layer_dims[l], 1))
    return parameters

# %%
def initialize_parameters_zeros(layers_dims):
    parameters = {}
    for l in range(1, len(layers_dims)):
        parameters["W" + str(l)] = np.zeros((layers_dims[l], layers_dims[l - 1]))
        parameters["b" + str(l)] = np.zeros((layers_dims[l], 1))
    return parameters


def initialize_parameters_random(layers_dims):
    np.random.seed(3)
    parameters = {}
    for l in range(1, len(layers_dims)):
        parameters["W" + str(l)] = np.random.randn(layers_dims[l], layers_dims[l - 1]) * 10
        parameters["b" + str(l)] = np.zeros((layers_dims[l], 1))
    return parameters


def initialize_parameters_he(layers_dims):
    generator = np.random.default_rng(3)
    parameters = {}
    for l in range(1, len(layers_dims)):
        deviation = np.sqrt(2 / layers_dims[l - 1])
        parameters["W" + str(l)] = generator.normal(0, deviation, (layers_dims[l], layers_dims[l - 1]))
        parameters["b" + str(l)] = np.zeros((layers_dims[l], 1))
    return parameters

# %%
from gc_utils import dictionary_to_vector, gradients_to_vector, vector_to_dictionary


def gradient_check_n(parameters, gradients, X, Y, epsilon=1e-7, print_msg=False):
    values, _ = dictionary_to_vector(parameters)
    grad = gradients_to_vector(gradients)
    approximation = np.zeros(values.shape)
    for i in range(values.shape[0]):
        plus = np.copy(values)
        plus[i] += epsilon
        J_plus, _ = forward_propagation_n(X, Y, vector_to_dictionary(plus))
        minus = np.copy(values)
        minus[i] -= epsilon
        J_minus, _ = forward_propagation_n(X, Y, vector_to_dictionary(minus))
        approximation[i] = (J_plus - J_minus) / (2 * epsilon)
    return np.linalg.norm(grad - approximation) / (np.linalg.norm(grad) + np.linalg.norm(approximation))

# %%
from rnn_utils import *


def rnn_cell_forward(xt, a_prev, parameters):
    a_next = np.tanh(parameters["Waa"] @ a_prev + parameters["Wax"] @ xt + parameters["ba"])
    yt_pred = softmax(parameters["Wya"] @ a_next + parameters["by"])
    return a_next, yt_pred, (a_next, a_prev, xt, parameters)


def rnn_forward(x, a0, parameters):
    caches, a_next = [], a0
    n_y, n_a = parameters["Wya"].shape
    a, y = np.zeros((n_a,) + x.shape[1:]), np.zeros((n_y,) + x.shape[1:])
    for t in range(x.shape[2]):
        a_next, y[:, :, t], cache = rnn_cell_forward(x[:, :, t], a_next, parameters)
        a[:, :, t] = a_next
        caches.append(cache)
    return a, y, (caches, x)

# %%
def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    joined = np.concatenate([a_prev, xt])
    ft, it, ot = [sigmoid(parameters["W" + gate] @ joined + parameters["b" + gate]) for gate in "fio"]
    cct = np.tanh(parameters["Wc"] @ joined + parameters["bc"])
    c_next = ft * c_prev + it * cct
    a_next = ot * np.tanh(c_next)
    yt_pred = softmax(parameters["Wy"] @ a_next + parameters["by"])
    return a_next, c_next, yt_pred, (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)


def lstm_forward(x, a0, parameters):
    caches, a_next, c_next = [], a0, np.zeros(a0.shape)
    n_y, n_a = parameters["Wy"].shape
    a, y = np.zeros((n_a,) + x.shape[1:]), np.zeros((n_y,) + x.shape[1:])
    c = np.zeros(a.shape)
    for t in range(x.shape[2]):
        a_next, c_next, y[:, :, t], cache = lstm_cell_forward(x[:, :, t], a_next, c_next, parameters)
        a[:, :, t], c[:, :, t] = a_next, c_next
        caches.append(cache)
    return a, y, c, (caches, x)

# %%
def rnn_cell_backward(da_next, cache):
    a_next, a_prev, xt, parameters = cache
    dtanh = da_next * (1 - a_next**2)
    gradients = {"dxt": parameters["Wax"].T @ dtanh, "dWax": dtanh @ xt.T, "da_prev": parameters["Waa"].T @ dtanh}
    gradients.update(dWaa=dtanh @ a_prev.T, dba=np.sum(dtanh, axis=1, keepdims=True))
    return gradients


def rnn_backward(da, caches):
    caches, x = caches
    parameters = caches[0][3]
    dWax, dWaa, dba = [np.zeros(parameters[name].shape) for name in ("Wax", "Waa", "ba")]
    dx, da_prevt = np.zeros(x.shape), np.zeros(da.shape[:2])
    for t in reversed(range(da.shape[2])):
        gradients = rnn_cell_backward(da[:, :, t] + da_prevt, caches[t])
        dx[:, :, t], da_prevt = gradients["dxt"], gradients["da_prev"]
        dWax += gradients["dWax"]
        dWaa += gradients["dWaa"]
        dba += gradients["dba"]
    return {"dx": dx, "da0": da_prevt, "dWax": dWax, "dWaa": dWaa, "dba": dba}


def lstm_cell_backward(da_next, dc_next, cache):
    a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters = cache
    dc = dc_next + ot * (1 - np.tanh(c_next) ** 2) * da_next
    before = {"o": da_next * np.tanh(c_next) * ot * (1 - ot), "c": dc * it * (1 - cct**2)}
    before.update(i=dc * cct * it * (1 - it), f=dc * c_prev * ft * (1 - ft))
    joined, gradients = np.concatenate([a_prev, xt]), {"dc_prev": dc * ft}
    for gate in "fico":
        gradients["dW" + gate] = before[gate] @ joined.T
        gradients["db" + gate] = before[gate].sum(axis=1, keepdims=True)
    back = sum(parameters["W" + gate].T @ before[gate] for gate in "fico")
    gradients["da_prev"], gradients["dxt"] = back[: len(a_prev)], back[len(a_prev) :]
    return gradients


def lstm_backward(da, caches):
    caches, x = caches
    parameters = caches[0][9]
    sums = {"d" + name: np.zeros(parameters[name].shape) for name in ("Wf", "Wi", "Wc", "Wo", "bf", "bi", "bc", "bo")}
    dx, da_prevt, dc_prevt = np.zeros(x.shape), np.zeros(da.shape[:2]), np.zeros(da.shape[:2])
    for t in reversed(range(da.shape[2])):
        gradients = lstm_cell_backward(da[:, :, t] + da_prevt, dc_prevt, caches[t])
        da_prevt, dc_prevt = gradients["da_prev"], gradients["dc_prev"]
        dx[:, :, t] = gradients["dxt"]
        for name in sums:
            sums[name] += gradients[name]
    return dict(sums, dx=dx, da0=da_prevt)
