use striate_array::Array;

pub fn value_autograd(
    op: &Array<i64>,
    left: &Array<i64>,
    right: &Array<i64>,
    number: &Array<f64>,
    root: i64,
) -> (Array<f64>, Array<f64>) {
    let count = op.len();
    let order = topological_order(left.data(), right.data());
    let mut value = vec![0.0_f64; count];
    for &k in &order {
        let a = || value[left[[k]] as usize];
        let b = || value[right[[k]] as usize];
        value[k] = match op[[k]] {
            0 => number[[k]],
            1 => a() + b(),
            2 => a() * b(),
            3 => a().powf(number[[k]]),
            4 => a().exp(),
            5 => a().tanh(),
            6 => a().max(0.0),
            other => panic!("there is no operation {other}"),
        };
    }
    let mut grad = vec![0.0; count];
    grad[root as usize] = 1.0;
    for &k in order.iter().rev() {
        // All users of k have added their part by now. Nodes that the root does not need hand on zero.
        let own = grad[k];
        if own == 0.0 || op[[k]] == 0 {
            continue;
        }
        let at = left[[k]] as usize;
        let a = value[at];
        match op[[k]] {
            1 => {
                grad[at] += own;
                grad[right[[k]] as usize] += own;
            }
            2 => {
                let other = right[[k]] as usize;
                grad[at] += own * value[other];
                grad[other] += own * a;
            }
            3 => grad[at] += own * number[[k]] * a.powf(number[[k]] - 1.0),
            4 => grad[at] += own * value[k],
            5 => grad[at] += own * (1.0 - value[k] * value[k]),
            _ => grad[at] += if a > 0.0 { own } else { 0.0 },
        }
    }
    (Array::from_vec(&[count], value), Array::from_vec(&[count], grad))
}

/// All nodes, operands before those that take them. A stack of our own has no depth limit.
fn topological_order(left: &[i64], right: &[i64]) -> Vec<usize> {
    let mut visited = vec![false; left.len()];
    let mut order = Vec::new();
    for start in 0..left.len() {
        let mut stack = vec![(start, false)];
        while let Some((k, operands_done)) = stack.pop() {
            if operands_done {
                order.push(k);
            } else if !visited[k] {
                visited[k] = true;
                stack.push((k, true));
                stack.extend([left[k], right[k]].into_iter().filter(|&at| at >= 0).map(|at| (at as usize, false)));
            }
        }
    }
    order
}
