import numpy as np

INPUT, ADD, MULTIPLY, POWER, EXP, TANH, RELU = range(7)


def value_autograd(op, left, right, number, root):
    value, grad = np.zeros(len(op)), np.zeros(len(op))
    order = topological_order(op, left, right)
    for k in order:
        a, b = value[left[k]], value[right[k]]  # -1 reads the last value, which is then not used
        if op[k] == INPUT:
            value[k] = number[k]
        elif op[k] == ADD:
            value[k] = a + b
        elif op[k] == MULTIPLY:
            value[k] = a * b
        elif op[k] == POWER:
            value[k] = a ** number[k]
        elif op[k] == EXP:
            value[k] = np.exp(a)
        elif op[k] == TANH:
            value[k] = np.tanh(a)
        elif op[k] == RELU:
            value[k] = max(a, 0.0)
    grad[root] = 1.0
    for k in reversed(order):
        # All users of k have added their part by now. Nodes that the root does not need hand on zero.
        if grad[k] == 0.0:
            continue
        a, b = value[left[k]], value[right[k]]
        if op[k] == ADD:
            grad[left[k]] += grad[k]
            grad[right[k]] += grad[k]
        elif op[k] == MULTIPLY:
            grad[left[k]] += grad[k] * b
            grad[right[k]] += grad[k] * a
        elif op[k] == POWER:
            grad[left[k]] += grad[k] * number[k] * a ** (number[k] - 1)
        elif op[k] == EXP:
            grad[left[k]] += grad[k] * value[k]
        elif op[k] == TANH:
            grad[left[k]] += grad[k] * (1 - value[k] ** 2)
        elif op[k] == RELU:
            grad[left[k]] += grad[k] * (a > 0)
    return value, grad


def topological_order(op, left, right):
    """All nodes, operands before those that take them. A stack of our own has no depth limit."""
    order, visited = [], np.zeros(len(op), bool)
    for start in range(len(op)):
        stack = [(start, False)]
        while stack:
            k, operands_done = stack.pop()
            if operands_done:
                order.append(k)
            elif not visited[k]:
                visited[k] = True
                stack.append((k, True))
                stack.extend((operand, False) for operand in (left[k], right[k]) if operand >= 0)
    return order
