//! `bn_backward`: the gradients of batch normalisation.

use ndarray::{Array1, Array2, Axis, Ix1, Ix2, array};

use super::normalization::{BACKWARD, Backward, toolkit_backward};
use crate::exercise::{
    Exercise, ForwardCall, GradientCheck, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature, Speed,
};
use crate::exercises::arguments::{f64_array, float, float_named, floats, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static BN_BACKWARD: Exercise = Exercise {
    id: "bn_backward",
    station: "batch-normalization",
    task: "Write the backward pass of bn_forward in training. dout is the gradient of the loss with respect to y;\n\
           return the gradients with respect to x, gamma and beta. x, gamma and eps are those of the forward pass.\n\
           Mean and variance are made from x: every example moves them, and so moves every other example's output.",
    signature: Signature {
        name: "bn_backward",
        parameters: &[
            f64_array("dout", &["N", "D"], "gradient of the loss with respect to y"),
            f64_array("x", &["N", "D"], "the batch of the forward pass"),
            f64_array("gamma", &["D"], "scale of each feature"),
            float_named("eps", "eps of the forward pass"),
        ],
        returns: Parameter {
            name: "gradients",
            kind: Kind::Tuple(&[
                f64_array("dx", &["N", "D"], "gradient with respect to x"),
                f64_array("dgamma", &["D"], "gradient with respect to gamma"),
                f64_array("dbeta", &["D"], "gradient with respect to beta"),
            ]),
            meaning: "the three gradients",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "has a dx that sums to zero over the batch", violated: dx_does_not_cancel }],
    gradient: Some(GradientCheck { forward: "bn_forward", forward_call }),
    speed: Some(Speed { arguments: large, naive_steps: 4.0 * 400.0 * 300.0, times_faster: 8.0 }),
    hints: &[
        "dbeta and dgamma are one line each: get them right first. Then add up your dx over the batch: is it zero?",
        "xhat = (x - mean) / sqrt(var + eps). dbeta = sum of dout, dgamma = sum of dout * xhat, both over the batch. \
         With d = gamma * dout, dx = (d - mean of d - xhat * mean of (d * xhat)) / sqrt(var + eps), means over the batch.",
        "One feature, x = [1, 2, 3], gamma = 1, eps = 0, dout = [1, 0, 0]: mean 2, var 2/3, xhat = [-1.2247, 0, 1.2247].\n\
         dbeta = 1, dgamma = -1.2247. mean of d = 1/3, mean of d * xhat = -0.4082.\n\
         d - 1/3 + 0.4082 * xhat = [1/6, -1/3, 1/6]; divided by 0.8165: dx = [0.2041, -0.4082, 0.2041].",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(741);
    let tiny = |dout: [f64; 3], eps: f64| {
        let column = |x: [f64; 3]| Array2::from_shape_vec((3, 1), x.to_vec()).expect("three numbers");
        vec![column(dout).into(), column([1.0, 2.0, 3.0]).into(), array![2.0].into(), Value::Float(eps)]
    };
    let mut probes = vec![
        Probe::ordinary("one feature, one gradient", tiny([1.0, 0.0, 0.0], 0.0)),
        Probe::ordinary("one feature, the same gradient everywhere", tiny([1.0, 1.0, 1.0], 0.0)),
    ];
    for (n, d, [low, high], eps, hard, label) in [
        (4, 3, [-2.0, 3.0], 1e-5, false, "4 examples of 3 features"),
        (7, 2, [5.0, 9.0], 1e-5, false, "7 examples of 2 features, mean 7"),
        (3, 5, [-1.0, 1.0], 0.3, false, "3 examples of 5 features, eps 0.3"),
        (6, 4, [2.0, 2.01], 1e-5, true, "hardly any variance"),
        (4, 2, [3.0, 3.0], 1e-5, true, "features with the same value in every example"),
        (2, 3, [-1.0, 1.0], 1e-5, true, "two examples: nearly nothing gets through"),
        (5, 1, [999.0, 1001.0], 1e-5, true, "one feature with a mean of a thousand"),
    ] {
        let (dout, x) = (numbers.reals([n, d], -1.0, 1.0), numbers.reals([n, d], low, high));
        let arguments = vec![dout.into(), x.into(), numbers.reals([d], 0.5, 2.5).into(), Value::Float(eps)];
        probes.push(if hard { Probe::hard(label, arguments) } else { Probe::ordinary(label, arguments) });
    }
    probes
}

fn large() -> Vec<Value> {
    let mut numbers = Numbers::stream(749);
    let mut reals = || Value::from(numbers.reals([400, 300], -1.0, 1.0));
    vec![reals(), reals(), Array1::<f64>::ones(300).into(), Value::Float(1e-5)]
}

fn forward_call(arguments: &[Value]) -> ForwardCall {
    let [dout, x, gamma, eps] = arguments else { panic!("bn_backward takes four arguments") };
    let d = floats::<Ix1>(arguments, 2).len();
    let [zeros, ones] = [0.0, 1.0].map(|x| Value::from(Array1::from_elem(d, x)));
    let (beta, mean, momentum) = (zeros.clone(), zeros, Value::Float(0.1));
    ForwardCall {
        arguments: vec![x.clone(), gamma.clone(), beta, mean, ones, momentum, eps.clone(), Value::Bool(true)],
        with_respect_to: vec![0, 1, 2],
        upstream: vec![dout.clone()],
    }
}

fn dx_does_not_cancel(arguments: &[Value], result: &Value) -> Option<String> {
    let Value::Tuple(parts) = result else { return None };
    let dx = parts.first()?.as_array()?.to_f64_array().into_dimensionality::<Ix2>().ok()?;
    let size = 1.0 + dx.iter().chain(floats::<Ix2>(arguments, 0)).fold(0.0f64, |most, x| most.max(x.abs()));
    let sums = dx.sum_axis(Axis(0));
    let at = sums.iter().position(|sum| sum.abs() > 1e-9 * size)?;
    Some(format!("the dx of feature {at} add up to {}", sums[at]))
}

struct Call {
    dout: Array2<f64>,
    x: Array2<f64>,
    gamma: Array1<f64>,
    eps: f64,
}

/// dx, dgamma, dbeta.
type Gradients = (Array2<f64>, Array1<f64>, Array1<f64>);

impl Call {
    fn new(arguments: &[Value]) -> Self {
        Call {
            dout: floats::<Ix2>(arguments, 0).to_owned(),
            x: floats::<Ix2>(arguments, 1).to_owned(),
            gamma: floats::<Ix1>(arguments, 2).to_owned(),
            eps: float(arguments, 3),
        }
    }

    fn gradients(&self, rule: &Backward) -> Gradients {
        let (dx, xhat) = rule.through(&(&self.dout * &self.gamma), &self.x, self.eps);
        (dx, (&self.dout * &xhat).sum_axis(Axis(0)), self.dout.sum_axis(Axis(0)))
    }

    fn right(&self) -> Gradients {
        self.gradients(&BACKWARD)
    }

    fn xhat(&self) -> Array2<f64> {
        BACKWARD.through(&self.dout, &self.x, self.eps).1
    }
}

fn three((dx, dgamma, dbeta): Gradients) -> Outcome {
    returns(Value::Tuple(vec![dx.into(), dgamma.into(), dbeta.into()]))
}

fn with(arguments: &[Value], rule: &Backward) -> Outcome {
    three(Call::new(arguments).gradients(rule))
}

/// The gradients of the toolkit's layer.
fn reference(arguments: &[Value]) -> Outcome {
    let call = Call::new(arguments);
    three(toolkit_backward(call.dout.view(), call.x.view(), call.gamma.view(), call.eps))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "statistics-taken-as-constants",
        title: "mean and variance are treated as constants, dx = gamma * dout / sqrt(var + eps)",
        explanation: "They are made from x. If one example grows, the mean grows with it and all outputs of the feature \
                      move. Both paths belong to the gradient; it is what holds the activations in place.",
        question: "If the same number is added to all examples, how does y change? What must dx add up to, then?",
        see: ("cs231n", "assignment 2 batch normalization"),
        behaviour: |arguments| with(arguments, &Backward { mean_path: 0.0, variance_path: 0.0, ..BACKWARD }),
    },
    Misconception {
        id: "mean-path-missing",
        title: "the path through the mean is left out of dx",
        explanation: "x - mean depends on x twice: directly and through the mean. The second gives minus the mean of \
                      gamma * dout over the batch.",
        question: "Does your dx add up to zero over the batch?",
        see: ("cs231n", "assignment 2 batch normalization"),
        behaviour: |arguments| with(arguments, &Backward { mean_path: 0.0, ..BACKWARD }),
    },
    Misconception {
        id: "variance-path-missing",
        title: "the path through the variance is left out of dx",
        explanation: "A larger x widens the batch, and everything is divided by more. That gives minus xhat times the mean \
                      of gamma * dout * xhat.",
        question: "If all distances from the mean double, does y change? What must the sum of dx * (x - mean) be?",
        see: ("cs231n", "assignment 2 batch normalization"),
        behaviour: |arguments| with(arguments, &Backward { variance_path: 0.0, ..BACKWARD }),
    },
    Misconception {
        id: "variance-path-sign",
        title: "the path through the variance is added and not subtracted",
        explanation: "The derivative of 1 / sqrt(var) is negative: more variance makes the outputs smaller. The term is \
                      minus xhat * mean(d * xhat).",
        question: "What is the sign of the derivative of 1 / sqrt(var)?",
        see: ("cs231n", "assignment 2 batch normalization"),
        behaviour: |arguments| with(arguments, &Backward { variance_path: -1.0, ..BACKWARD }),
    },
    Misconception {
        id: "mean-missing",
        title: "the two correction terms of dx are sums over the batch and not means",
        explanation: "Each example has a share of 1/N in the mean and in the variance. Without it the corrections are N \
                      times too large.",
        question: "By how much does the mean grow if one of N examples grows by 1?",
        see: ("cs231n", "assignment 2 batch normalization"),
        behaviour: |arguments| with(arguments, &Backward { count: Some(1.0), ..BACKWARD }),
    },
    Misconception {
        id: "gamma-missing",
        title: "gamma is left out of dx",
        explanation: "y = gamma * xhat + beta, so the gradient of xhat is gamma * dout. With gamma = 1, where training \
                      starts, nobody notices.",
        question: "What is the gradient with respect to xhat?",
        see: ("cs231n", "assignment 2 batch normalization"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let (_, dgamma, dbeta) = call.right();
            three((BACKWARD.through(&call.dout, &call.x, call.eps).0, dgamma, dbeta))
        },
    },
    Misconception {
        id: "sum-over-wrong-axis",
        title: "dgamma and dbeta are summed over the features: one number per example",
        explanation: "gamma and beta belong to features and serve all examples, so their gradients are sums over the batch, \
                      axis 0.",
        question: "What shape must the gradient of gamma have?",
        see: ("numpy", "numpy.sum, arguments axis and keepdims"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let sums = |array: Array2<f64>| array.sum_axis(Axis(1));
            three((call.right().0, sums(&call.dout * &call.xhat()), sums(call.dout.clone())))
        },
    },
    Misconception {
        id: "mean-where-sum",
        title: "dgamma and dbeta are means over the batch and not sums",
        explanation: "gamma is used once per example and every use adds its share. If the loss is a mean, 1/N is in dout \
                      already.",
        question: "Where is the 1/N of the loss: in dout or here?",
        see: ("cs231n", "assignment 2 batch normalization"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let (dx, dgamma, dbeta) = call.right();
            let n = call.x.nrows() as f64;
            three((dx, dgamma / n, dbeta / n))
        },
    },
    Misconception {
        id: "scaled-output-for-xhat",
        title: "dgamma uses gamma * xhat in place of xhat",
        explanation: "y = gamma * xhat + beta: the factor of gamma is xhat, before it is scaled. Keep xhat from the forward \
                      pass, not y.",
        question: "What stands beside gamma in the formula of y?",
        see: ("cs231n", "assignment 2 batch normalization"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let (dx, dgamma, dbeta) = call.right();
            three((dx, dgamma * &call.gamma, dbeta))
        },
    },
    Misconception {
        id: "input-for-xhat",
        title: "dgamma uses x in place of xhat",
        explanation: "gamma scales what has been normalised already. Its gradient is the sum of dout * xhat.",
        question: "What stands beside gamma in the formula of y?",
        see: ("cs231n", "assignment 2 batch normalization"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let (dx, _, dbeta) = call.right();
            three((dx, (&call.dout * &call.x).sum_axis(Axis(0)), dbeta))
        },
    },
    Misconception {
        id: "variance-unbiased",
        title: "the variance divides by N - 1",
        explanation: "The forward pass normalises with the variance that divides by N; backwards must use the same one.",
        question: "What does bn_forward divide the squares by in training?",
        see: ("pytorch-docs", "torch.nn.BatchNorm1d"),
        behaviour: |arguments| with(arguments, &Backward { ddof: 1.0, ..BACKWARD }),
    },
    Misconception {
        id: "eps-missing",
        title: "eps is not used",
        explanation: "The forward pass divides by sqrt(var + eps); its gradient has the same root. Without eps a feature \
                      that is constant gives 0 / 0.",
        question: "What does your code divide by if a feature is constant?",
        see: ("pytorch-docs", "torch.nn.BatchNorm1d"),
        behaviour: |arguments| with(arguments, &Backward { deviation: |var, _| var.sqrt(), ..BACKWARD }),
    },
    Misconception {
        id: "eps-outside-root",
        title: "eps is added to the root and not under it, sqrt(var) + eps",
        explanation: "The forward pass divides by sqrt(var + eps). With another divisor the gradient belongs to another \
                      function.",
        question: "With var = 0, what do you divide by: sqrt(eps) or eps?",
        see: ("pytorch-docs", "torch.nn.BatchNorm1d"),
        behaviour: |arguments| with(arguments, &Backward { deviation: |var, eps| var.sqrt() + eps, ..BACKWARD }),
    },
    Misconception {
        id: "results-swapped",
        title: "dgamma and dbeta have changed places",
        explanation: "gamma scales, its gradient has xhat in it; beta shifts, its gradient is the plain sum of dout. The \
                      order is dx, dgamma, dbeta.",
        question: "In which order are the three asked for?",
        see: ("cs231n", "assignment 2 batch normalization"),
        behaviour: |arguments| {
            let (dx, dgamma, dbeta) = Call::new(arguments).right();
            three((dx, dbeta, dgamma))
        },
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exercises::batch_normalization::normalization::tests::assert_equals_the_toolkit;

    #[test]
    fn misconceptions_start_from_the_toolkits_layer() {
        assert_equals_the_toolkit(&BN_BACKWARD, |arguments| with(arguments, &BACKWARD));
    }
}
