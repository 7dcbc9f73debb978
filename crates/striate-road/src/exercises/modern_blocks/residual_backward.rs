//! `residual_backward`: two ways for the gradient.

use striate_tensor::Tensor;

use super::block::{Block, EDGES, RIGHT, SIZES, arguments, label, tensor, value};
use super::residual_block::inputs;
use crate::exercise::{
    Exercise, ForwardCall, GradientCheck, Kind, Misconception, Outcome, Parameter, Probe, Signature,
};
use crate::exercises::arguments::{f64_array, int_named, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static RESIDUAL_BACKWARD: Exercise = Exercise {
    id: "residual_backward",
    station: "modern-blocks",
    task: "The backward pass of residual_block. dout is the gradient of the loss with respect to the block's output; return the\n\
           gradients with respect to x, w1, w2 and wp. Where the shortcut is x itself, the one of wp is all zeros.\n\
           At the sum the gradient goes both ways, unchanged; at x both arrive and add up.\n\
           A ReLU passes the gradient where its input was above 0, and not where it was 0 or below.\n\
           The file stands alone: bring your convolution and its backward pass along.",
    signature: Signature {
        name: "residual_backward",
        parameters: &[
            f64_array("dout", &["N", "C'", "H'", "W'"], "gradient with respect to the output"),
            f64_array("x", &["N", "C", "H", "W"], "input of the forward pass"),
            f64_array("w1", &["C'", "C", "3", "3"], "kernels of the first convolution"),
            f64_array("w2", &["C'", "C'", "3", "3"], "kernels of the second convolution"),
            f64_array("wp", &["C'", "C", "1", "1"], "kernels of the projection"),
            int_named("stride", "step of the first convolution and of the projection"),
        ],
        returns: Parameter {
            name: "gradients",
            kind: Kind::Tuple(&[
                f64_array("dx", &["N", "C", "H", "W"], "gradient with respect to x"),
                f64_array("dw1", &["C'", "C", "3", "3"], "gradient with respect to w1"),
                f64_array("dw2", &["C'", "C'", "3", "3"], "gradient with respect to w2"),
                f64_array("dwp", &["C'", "C", "1", "1"], "gradient with respect to wp"),
            ]),
            meaning: "the four gradients",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    gradient: Some(GradientCheck { forward: "residual_block", forward_call }),
    hints: &[
        "Which of the four is wrong? dw2 needs only the last ReLU and h; dw1 the branch; dx all of it.",
        "Keep z1 = conv(x, w1), h = relu(z1), s = branch + shortcut. Then ds = dout * (s > 0); (dh, dw2) = conv_backward(ds, h, w2); \
         (dx, dw1) = conv_backward(dh * (z1 > 0), x, w1, stride); and dx += ds, or dx, dwp of the projection's backward.",
        "One pixel, one channel: x = 2, w1 = 3, w2 = 1 (middle weights): z1 = 6, h = 6, s = 6 + 2 = 8. dout = 1: ds = 1, dw2 = ds*h = 6, \
         dh = 1, dw1 = dh*x = 2, dx = 3 from the branch + 1 from the shortcut = 4.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(452);
    let mut probe = |size: [usize; 6]| {
        let mut all = arguments(&mut numbers, size);
        let [n, _, height, width, out, stride] = size;
        let shape = [n, out, (height - 1) / stride + 1, (width - 1) / stride + 1];
        all.insert(0, numbers.reals(shape, -1.0, 1.0).into());
        all
    };
    let mut probes: Vec<Probe> = SIZES.iter().map(|&size| Probe::ordinary(label(size), probe(size))).collect();
    for &(what, size) in EDGES {
        probes.push(Probe::hard(format!("{what}: {}", label(size)), probe(size)));
    }
    let mut zeros = probe([1, 2, 4, 3, 2, 1]);
    // Black pixels and a branch of zeros: sums of exactly 0, where the ReLU passes nothing.
    zeros[1] = Value::array(&[1, 2, 4, 3], (0..24).map(|at| f64::from(at % 3) - 1.0).collect());
    zeros[3] = Value::array(&[2, 2, 3, 3], vec![0.0; 36]);
    probes.push(Probe::hard("sums of exactly 0", zeros));
    probes
}

fn forward_call(arguments: &[Value]) -> ForwardCall {
    ForwardCall {
        arguments: arguments[1..].to_vec(),
        with_respect_to: vec![0, 1, 2, 3],
        upstream: vec![arguments[0].clone()],
    }
}

/// The gradients of a block by automatic differentiation.
fn gradients(arguments: &[Value], block: Block) -> Outcome {
    let mut inputs = inputs(arguments, 1);
    for leaf in [&mut inputs.x, &mut inputs.w1, &mut inputs.w2, &mut inputs.wp] {
        *leaf = leaf.requires_grad_(true);
    }
    block.run(&inputs).backward_with(&tensor(arguments, 0));
    let gradient = |of: &Tensor| match of.grad() {
        Some(gradient) => value(&gradient),
        None => Value::array(of.shape(), vec![0.0; of.numel()]),
    };
    returns(Value::Tuple([&inputs.x, &inputs.w1, &inputs.w2, &inputs.wp].map(gradient).to_vec()))
}

fn reference(arguments: &[Value]) -> Outcome {
    gradients(arguments, RIGHT)
}

/// The numbers of a ReLU, and the gradient as if it were not there.
fn open_relu(x: &Tensor) -> Tensor {
    x.add(&x.relu().sub(x).detach())
}

/// The numbers of a ReLU, with a gradient that passes at 0 as well.
fn relu_open_at_zero(x: &Tensor) -> Tensor {
    let passes = x.ge(&Tensor::zeros(x.shape(), x.dtype())).to_dtype(x.dtype());
    x.mul(&passes)
}

const WHY: (&str, &str) = ("dls-c4", "W2 Why ResNets work");
const FLOW: (&str, &str) = ("cs231n", "notes: optimization-2, patterns in backward flow");

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "shortcut-gradient-dropped",
        title: "dx holds the branch's gradient only: the shortcut's is missing",
        explanation: "x is used twice, so two gradients arrive and add up. The one through the shortcut is the reason that the first layers \
                      of a hundred learn at all.",
        question: "In how many places does your forward pass use x?",
        see: WHY,
        behaviour: |arguments| {
            gradients(arguments, Block { shortcut: |inputs| (RIGHT.shortcut)(inputs).detach(), ..RIGHT })
        },
    },
    Misconception {
        id: "branch-gradient-dropped",
        title: "dx holds the shortcut's gradient only: the branch's was overwritten",
        explanation: "dx = ... a second time overwrites the first. Both ways add up: +=.",
        question: "Does dx change when w1 does?",
        see: FLOW,
        behaviour: |arguments| {
            let Outcome::Value(Value::Tuple(mut parts)) = reference(arguments) else { return reference(arguments) };
            let inputs = {
                let mut inputs = inputs(arguments, 1);
                inputs.x = inputs.x.requires_grad_(true);
                inputs
            };
            // The branch's numbers with no way back through them.
            let branch = Block { branch: Tensor::detach, ..RIGHT };
            branch.run(&inputs).backward_with(&tensor(arguments, 0));
            if let Some(dx) = inputs.x.grad() {
                parts[0] = value(&dx);
            }
            returns(Value::Tuple(parts))
        },
    },
    Misconception {
        id: "last-relu-derivative-missing",
        title: "the ReLU after the sum is left out backwards",
        explanation: "Where the sum was below 0 the output is 0 whatever x is: no gradient, neither to the branch nor to the shortcut.",
        question: "Where y is 0, how does it change with x?",
        see: FLOW,
        behaviour: |arguments| gradients(arguments, Block { last: open_relu, ..RIGHT }),
    },
    Misconception {
        id: "inner-relu-derivative-missing",
        title: "the ReLU between the convolutions is left out backwards",
        explanation: "Where z1 was below 0, h is 0 and stays so: dz1 = dh * (z1 > 0).",
        question: "Which numbers decide where dh may pass?",
        see: FLOW,
        behaviour: |arguments| gradients(arguments, Block { inner: open_relu, ..RIGHT }),
    },
    Misconception {
        id: "relu-slope-at-zero",
        title: "ReLUs pass the gradient where their input was exactly 0",
        explanation: "At 0 either is a subgradient; every framework takes 0, and so does the task: > and not >=. Zeros are not rare: black \
                      borders make them in numbers.",
        question: "Is your mask made with > or with >=?",
        see: ("pytorch-docs", "torch.nn.ReLU"),
        behaviour: |arguments| {
            gradients(arguments, Block { inner: relu_open_at_zero, last: relu_open_at_zero, ..RIGHT })
        },
    },
    Misconception {
        id: "shortcut-past-relu",
        title: "the shortcut's gradient is dout itself: it bypasses the ReLU after the sum",
        explanation: "The sum lies before the last ReLU, so both ways get ds = dout * (s > 0), not dout.",
        question: "Is the shortcut added before or after the last ReLU?",
        see: WHY,
        behaviour: |arguments| {
            // y in numbers; backwards the branch through the ReLU, the shortcut beside it.
            let Outcome::Value(Value::Tuple(mut parts)) = reference(arguments) else { return reference(arguments) };
            let mut inputs = inputs(arguments, 1);
            inputs.x = inputs.x.requires_grad_(true);
            inputs.wp = inputs.wp.requires_grad_(true);
            let dout = tensor(arguments, 0);
            Block { shortcut: |inputs| (RIGHT.shortcut)(inputs).detach(), ..RIGHT }.run(&inputs).backward_with(&dout);
            (RIGHT.shortcut)(&inputs).backward_with(&dout);
            for (at, leaf) in [(0, &inputs.x), (3, &inputs.wp)] {
                if let Some(gradient) = leaf.grad() {
                    parts[at] = value(&gradient);
                }
            }
            returns(Value::Tuple(parts))
        },
    },
    Misconception {
        id: "weight-gradient-of-input",
        title: "dw2 is computed with x's place taken by z1, the numbers before the ReLU",
        explanation: "The second convolution's input is h = relu(z1). Its weights' gradient is the correlation of ds with h: keep h.",
        question: "Which array did w2 multiply in the forward pass?",
        see: FLOW,
        behaviour: |arguments| {
            let Outcome::Value(Value::Tuple(mut parts)) = reference(arguments) else { return reference(arguments) };
            let mut inputs = inputs(arguments, 1);
            let sum = Block { last: Tensor::clone, ..RIGHT }.run(&inputs);
            let ds = tensor(arguments, 0).mul(&sum.gt(&Tensor::zeros(sum.shape(), sum.dtype())).to_dtype(sum.dtype()));
            inputs.w2 = inputs.w2.requires_grad_(true);
            Block { inner: Tensor::clone, last: Tensor::clone, ..RIGHT }.run(&inputs).backward_with(&ds);
            if let Some(dw2) = inputs.w2.grad() {
                parts[2] = value(&dw2);
            }
            returns(Value::Tuple(parts))
        },
    },
];
