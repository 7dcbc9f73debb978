//! The words for mistakes that several functions of the courses share.

use crate::exercise::{Behaviour, Misconception};

/// What is said about a mistake, whatever the function.
#[derive(Clone, Copy)]
pub(super) struct Words {
    pub id: &'static str,
    pub title: &'static str,
    pub explanation: &'static str,
    pub question: &'static str,
    pub see: (&'static str, &'static str),
}

impl Words {
    /// The mistake in one function.
    pub(super) const fn when(self, behaviour: Behaviour) -> Misconception {
        let Words { id, title, explanation, question, see } = self;
        Misconception { id, title, explanation, question, see, behaviour }
    }
}

/// Words, one after the other.
pub(super) const fn words(
    id: &'static str,
    title: &'static str,
    explanation: &'static str,
    question: &'static str,
    see: (&'static str, &'static str),
) -> Words {
    Words { id, title, explanation, question, see }
}

const LINEAR: (&str, &str) = ("cs231n", "notes: Linear classification");
const NETWORKS: (&str, &str) = ("cs231n", "notes: Neural networks part 2");
const BACKPROP: (&str, &str) = ("cs231n", "notes: Backpropagation, intuitions");

pub(super) const MEAN_MISSING: Words = words(
    "mean-missing",
    "the sum over the examples is not divided by their number",
    "The loss is the mean over the batch, and so is its gradient. Without 1/N the step grows with the batch, and a learning \
     rate that works for 100 examples explodes for 1000.",
    "If you doubled the batch by repeating every example, what should happen to the result?",
    LINEAR,
);
pub(super) const LOSS_MEAN_MISSING: Words = words(
    "mean-missing-in-loss",
    "the loss is not divided by the number of examples, though the gradient is",
    "Loss and gradient belong to one function: both carry the 1/N.",
    "Which of your two results would change if every example came twice?",
    LINEAR,
);
pub(super) const GRADIENT_MEAN_MISSING: Words = words(
    "mean-missing-in-gradient",
    "the gradient is not divided by the number of examples, though the loss is",
    "What is divided in the loss is divided in its gradient. A numeric gradient of your own loss shows it at once.",
    "Where in the gradient is the 1/N of the loss?",
    LINEAR,
);
pub(super) const MEAN_OVER_BATCH: Words = words(
    "mean-over-batch",
    "the gradients of the parameters are divided by the number of examples once more",
    "The mean over the batch belongs to the loss, and it is in dout already. A layer only sums.",
    "Is there a 1/N in the forward pass of this layer?",
    BACKPROP,
);
pub(super) const SUM_OVER_WRONG_AXIS: Words = words(
    "sum-over-wrong-axis",
    "the bias gradient is summed over the features and not over the examples",
    "Every example used the same bias, so what arrives from all of them adds up: sum over axis 0, M numbers remain.",
    "How many numbers should db hold?",
    ("numpy", "numpy.sum, argument axis"),
);
pub(super) const KEEPS_BATCH_AXIS: Words = words(
    "axis-kept",
    "db keeps an axis of length 1",
    "keepdims=True leaves (1, M) where b has (M,). Subtracted from b, it silently turns b into a matrix.",
    "Is db.shape equal to b.shape?",
    ("numpy", "numpy.sum, argument keepdims"),
);
pub(super) const BIAS_MISSING: Words = words(
    "bias-missing",
    "the bias is not added",
    "The output for an input of zeros is the bias.",
    "What is the output for an input of zeros?",
    LINEAR,
);
pub(super) const COLUMN_FIRST: Words = words(
    "flatten-column-order",
    "the input is flattened column by column",
    "NumPy's reshape goes row by row (order='C'). With order='F' every weight meets another pixel than the course's \
     networks, saved weights and checks expect.",
    "Which element follows x[0, 0, 0] in your flattened example?",
    ("numpy", "numpy.reshape, argument order"),
);
pub(super) const SOFTMAX_OVERFLOW: Words = words(
    "max-not-subtracted",
    "large scores overflow in exp",
    "exp(1000) is infinite, and infinite / infinite is no number. Subtract each row's maximum from its scores first: softmax \
     does not change, and no exponent is above 0.",
    "What is np.exp(1000)?",
    ("cs231n", "notes: Linear classification, Practical issues: Numeric stability"),
);
pub(super) const SOFTMAX_AXIS: Words = words(
    "normalized-over-examples",
    "the scores are normalised over the examples of a class and not over the classes of an example",
    "Each example has its own distribution over the classes: sum over axis 1, with keepdims=True so that it lines up.",
    "Which of your sums is 1: that of a row, or that of a column?",
    LINEAR,
);
pub(super) const SOFTMAX_OF_ALL: Words = words(
    "softmax-over-everything",
    "all numbers of the matrix add up to 1",
    "Each example has a distribution of its own: sum over its classes only, axis=1, with keepdims=True so that it lines up.",
    "What does one row of your probabilities add up to?",
    ("numpy", "numpy.sum, argument keepdims"),
);
pub(super) const LAST_EXAMPLE: Words = words(
    "last-example-only",
    "the gradient is that of the last example only",
    "Each turn of the loop over the examples adds its part: dW += ..., not dW = ....",
    "What is left of the first example's part when the loop ends?",
    LINEAR,
);
pub(super) const MAX_OF_ALL: Words = words(
    "max-over-everything",
    "the maximum of all scores is subtracted, not that of each row",
    "A row whose scores lie far below the largest of the matrix underflows: all its exponentials are 0, and 0 / 0 is no \
     number. Take the maximum with axis=1, keepdims=True.",
    "What happens to a row of small scores when another row holds a score of 2000?",
    ("cs231n", "notes: Linear classification, Practical issues: Numeric stability"),
);
pub(super) const LOG_EPSILON: Words = words(
    "epsilon-in-log",
    "a small number is added inside the logarithm",
    "log(p + epsilon) hides log(0), but it bends the loss everywhere, and its gradient no longer is p - 1. Compute \
     log p as shifted score minus log of the sum of exponentials: it needs no epsilon.",
    "Can you write log(exp(a) / sum) without ever forming the quotient?",
    ("cs231n", "notes: Linear classification, Practical issues: Numeric stability"),
);
pub(super) const TRUE_CLASS_PER_CLASS: Words = words(
    "true-class-per-class",
    "the term of the true class is subtracted once for every class",
    "The -1 for the true class belongs to an example, not to each turn of the loop over classes: it stands behind an if, or \
     outside of the inner loop.",
    "How often does the line that subtracts run for one example?",
    LINEAR,
);
pub(super) const TRUE_CLASS_MISSING: Words = words(
    "true-class-missing",
    "the gradient of the true class lacks its own term",
    "The loss depends on the true class's score too, through the minus sign: raising it lowers the loss. Its gradient has to \
     be negative.",
    "Should raising the score of the true class raise or lower the loss?",
    LINEAR,
);
pub(super) const REGULARISATION_MISSING: Words = words(
    "regularization-missing",
    "the regularisation is left out of loss and gradient",
    "The loss is the mean of the data losses plus reg * sum(W * W); its gradient has 2 * reg * W.",
    "Where does your code use reg?",
    LINEAR,
);
pub(super) const REGULARISATION_GRADIENT_MISSING: Words = words(
    "penalty-missing-in-gradient",
    "the regularisation is in the loss but not in the gradient",
    "What is added to the loss has a gradient: reg * sum(W * W) gives 2 * reg * W.",
    "What is the derivative of reg * w**2?",
    LINEAR,
);
pub(super) const REGULARISATION_LOSS_MISSING: Words = words(
    "penalty-missing-in-cost",
    "the regularisation is in the gradient but not in the loss",
    "A gradient check compares the two: the loss needs reg * sum(W * W).",
    "Does your loss change when reg does?",
    LINEAR,
);
pub(super) const REGULARISATION_DIVIDED: Words = words(
    "regularization-averaged",
    "the regularisation is divided by the number of examples as well",
    "The mean is over the data losses. The regularisation is added once, after the division.",
    "Does the penalty on the weights depend on how many examples there are?",
    LINEAR,
);
pub(super) const REGULARISATION_MISMATCH: Words = words(
    "regularization-gradient-half",
    "the regularisation's gradient belongs to another loss: a factor 2 is lost or too much",
    "reg * sum(W * W) has the gradient 2 * reg * W; half of it, 0.5 * reg * sum(W * W), has reg * W. Both are fine, but they \
     belong together.",
    "What is the derivative of w**2, and what that of w**2 / 2?",
    LINEAR,
);
pub(super) const EPS_UNUSED: Words = words(
    "eps-missing",
    "epsilon is not used in the update",
    "A weight whose gradients were all 0 so far divides 0 by 0. The root plus epsilon stays above 0.",
    "What is your step while the gradient is 0?",
    ADAPTIVE,
);
pub(super) const EPS_OUTSIDE: Words = words(
    "eps-outside-root",
    "epsilon is added to the standard deviation, outside of the square root",
    "The course, the paper and every framework compute sqrt(var + eps). For ordinary variances the difference is in the last \
     digits; for tiny ones it is large.",
    "Is your epsilon under the root?",
    ("cs231n", "assignment 2 BatchNormalization"),
);
pub(super) const EPS_MISSING: Words = words(
    "eps-missing",
    "epsilon is not used, and a feature that is constant divides by 0",
    "A feature with the same value in every example has variance 0. eps keeps the division finite.",
    "What do you divide by when all values are the same?",
    ("cs231n", "assignment 2 BatchNormalization"),
);
pub(super) const SAMPLE_VARIANCE: Words = words(
    "variance-unbiased",
    "the variance is divided by N - 1",
    "Normalisation uses the variance of this very batch: np.var with its default ddof=0. N - 1 estimates the variance of a \
     population from a sample.",
    "Which ddof does your np.var or np.std use?",
    ("numpy", "numpy.var, argument ddof"),
);
pub(super) const DIVIDED_BY_VARIANCE: Words = words(
    "root-missing",
    "the values are divided by the variance and not by its square root",
    "After normalisation the variance should be 1. Dividing by the variance gives 1 / variance.",
    "What is the standard deviation of your normalised features?",
    ("cs231n", "assignment 2 BatchNormalization"),
);
pub(super) const SCALE_MISSING: Words = words(
    "scale-shift-missing",
    "gamma and beta are not used",
    "The layer returns gamma * normalised + beta, so that the network can undo the normalisation where it hurts.",
    "Where do gamma and beta enter?",
    ("cs231n", "assignment 2 BatchNormalization"),
);
pub(super) const SCALE_MISSING_IN_TEST: Words = words(
    "scale-shift-missing-in-test",
    "in test mode gamma and beta are not used",
    "Only the statistics differ between the modes; scale and shift are learned and stay. With gamma = 1 and beta = 0, as in \
     the course's own check, nobody notices.",
    "What does your test mode return when beta is 100?",
    ("cs231n", "assignment 2 BatchNormalization"),
);
pub(super) const RUNNING_NOT_USED: Words = words(
    "running-not-used-in-test",
    "test mode normalises with the statistics of the batch it is given",
    "At test time an example's answer must not depend on its neighbours: use running_mean and running_var.",
    "What would test mode return for a batch of one?",
    ("cs231n", "assignment 2 BatchNormalization"),
);
pub(super) const STATISTICS_CONSTANT: Words = words(
    "statistics-taken-as-constants",
    "the mean and the variance are treated as constants",
    "Every input moves the mean and the variance, and through them all other outputs. Both paths bring a gradient back: \
     subtract its mean, and the part along the normalised values.",
    "If one input grows, what happens to the mean that is subtracted from all of them?",
    ("cs231n", "assignment 2 BatchNormalization"),
);
pub(super) const MEAN_PATH_MISSING: Words = words(
    "mean-path-missing",
    "the path through the mean is missing",
    "x enters in the difference x - mean twice: directly, and through the mean. The second takes the mean of the gradient away.",
    "What should dx sum to over the examples?",
    ("cs231n", "assignment 2 BatchNormalization"),
);
pub(super) const VARIANCE_PATH_MISSING: Words = words(
    "variance-path-missing",
    "the path through the variance is missing",
    "The normalised value divides by a root that depends on every x. Its part of dx is -xhat * mean(dxhat * xhat) / std.",
    "Does your dx change if you leave out every line with the variance?",
    ("cs231n", "assignment 2 BatchNormalization"),
);
pub(super) const DGAMMA_WITH_INPUT: Words = words(
    "input-for-xhat",
    "dgamma uses the input and not the normalised values",
    "gamma multiplied the normalised values, so these are its partner in the backward pass: dgamma = sum(dout * xhat).",
    "By what was gamma multiplied in the forward pass?",
    ("cs231n", "assignment 2 BatchNormalization"),
);
pub(super) const DGAMMA_WITHOUT_PARTNER: Words = words(
    "scale-gradient-without-values",
    "dgamma is computed like dbeta",
    "beta was added, so its gradient is the sum of dout; gamma was multiplied with xhat, so dout is multiplied with xhat.",
    "What is the derivative of gamma * xhat with respect to gamma?",
    ("cs231n", "assignment 2 BatchNormalization"),
);
pub(super) const GAMMA_MISSING: Words = words(
    "gamma-missing",
    "gamma does not enter dx",
    "The forward pass multiplied with gamma, so the gradient on its way back does as well. With gamma = 1 nobody notices.",
    "What is dx when gamma is 0?",
    ("cs231n", "assignment 2 BatchNormalization"),
);
pub(super) const RESHAPE_SCRAMBLES: Words = words(
    "reshape-scrambles",
    "the axes are changed by reshape, which scrambles the values",
    "reshape keeps the numbers in the order of memory and only draws other borders. To bring the channels to the end, \
     transpose first: x.transpose(0, 2, 3, 1).reshape(-1, C).",
    "Which pixels stand in column 0 after your reshape?",
    ("numpy", "numpy.transpose"),
);
pub(super) const TANH_DERIVATIVE_MISSING: Words = words(
    "tanh-derivative-missing",
    "the derivative of tanh is missing",
    "On its way back through tanh the gradient is multiplied with 1 - h**2.",
    "What happens to the gradient where tanh is flat?",
    BACKPROP,
);
pub(super) const TANH_NOT_SQUARED: Words = words(
    "tanh-derivative-not-squared",
    "the derivative of tanh is taken for 1 - h",
    "With h = tanh(a), the derivative is 1 - h**2: at most 1, and the same for h and -h.",
    "What is the slope of tanh where h is -0.5?",
    BACKPROP,
);
pub(super) const TANH_OF_ACTIVATION: Words = words(
    "tanh-derivative-of-activation",
    "tanh is applied once more before its derivative is taken",
    "1 - tanh(a)**2 is written with the sum a. If you have h = tanh(a) already, it is 1 - h**2.",
    "Is what you square the sum or already its tanh?",
    BACKPROP,
);
pub(super) const SIGN_FLIPPED: Words = words(
    "sign-flipped",
    "the step goes up the gradient",
    "The gradient points to where the loss grows. Descent subtracts it.",
    "Does the loss fall after one step?",
    NETWORKS,
);
pub(super) const EPS_INSIDE: Words = words(
    "eps-inside-root",
    "epsilon is added under the square root",
    "In this optimiser epsilon stands outside: sqrt(v) + eps. Under the root, 1e-8 becomes 1e-4, which slows small steps.",
    "What is the square root of 1e-8?",
    ("cs231n", "notes: Neural networks part 3, Per-parameter adaptive learning rates"),
);
pub(super) const ADAPTIVE: (&str, &str) =
    ("cs231n", "notes: Neural networks part 3, Per-parameter adaptive learning rates");

const RECURRENT: (&str, &str) = ("cs231n", "lecture Recurrent Neural Networks");

pub(super) const SIGMOID_FOR_TANH: Words = words(
    "sigmoid-for-tanh",
    "the sigmoid is applied to the state and not tanh",
    "The plain cell uses tanh: states between -1 and 1.",
    "Can your states be negative?",
    RECURRENT,
);
pub(super) const STATE_IGNORED: Words = words(
    "state-ignored",
    "the state before is not used",
    "The product of the state before with its weights is what makes the cell remember.",
    "Does your result change when the state before does?",
    RECURRENT,
);
pub(super) const NEXT_STATE: Words = words(
    "next-state-for-previous",
    "the gradient of the state's weights is computed with the state after the step",
    "The weights were multiplied with the state before, so that is their partner in the backward pass.",
    "Which state did these weights multiply?",
    RECURRENT,
);
pub(super) const STATE_NOT_CARRIED: Words = words(
    "state-not-carried",
    "every step starts from the first state",
    "The state that a step returns is what the next one starts from.",
    "What does step 2 know of step 1?",
    RECURRENT,
);
pub(super) const CELL_NOT_CARRIED: Words = words(
    "cell-not-carried",
    "every step starts from a cell of zeros",
    "The cell starts at zero once, at the first step; after that each step takes the cell of the one before.",
    "Where does the cell of step 2 come from?",
    RECURRENT,
);
pub(super) const TIME_REVERSED: Words = words(
    "time-reversed",
    "the sequence is read from its end",
    "The steps run from t = 0 on; only the backward pass runs from the end.",
    "Which element does the first state meet?",
    RECURRENT,
);
pub(super) const CANDIDATE_SIGMOID: Words = words(
    "candidate-sigmoid",
    "the candidate goes through the sigmoid and not through tanh",
    "The three gates are sigmoids, between 0 and 1. The candidate is what is written: tanh, so that it can be negative.",
    "Can your cell become smaller than 0?",
    RECURRENT,
);
pub(super) const CELL_NOT_SQUASHED: Words = words(
    "cell-not-squashed",
    "the cell is given out without tanh",
    "The next state is the output gate times tanh of the next cell. The cell itself may grow; what leaves it may not.",
    "Between which numbers does your state lie?",
    RECURRENT,
);
pub(super) const FORGET_GATE_MISSING: Words = words(
    "forget-gate-missing",
    "the forget gate is not used",
    "The next cell is forget gate * cell before + input gate * candidate: the forget gate decides how much of the cell stays.",
    "Can your cell ever forget?",
    RECURRENT,
);
pub(super) const FORGET_GATE_TWICE: Words = words(
    "forget-gate-twice",
    "the forget gate multiplies the candidate too: the input gate is not used",
    "Two gates decide apart: the forget gate what stays of the old cell, the input gate (update gate) what is written of the \
     candidate.",
    "Which gate multiplies your candidate?",
    RECURRENT,
);
pub(super) const FORGET_GRADIENT_MISSING: Words = words(
    "forget-gate-missing-in-gradient",
    "the gradient of the cell before is not multiplied with the forget gate",
    "The cell before was multiplied with the forget gate on its way in, so its gradient is too.",
    "What is the gradient of the cell before when the cell forgets everything?",
    RECURRENT,
);
pub(super) const CELL_PATH_MISSING: Words = words(
    "cell-gradient-not-added",
    "the gradient that comes through the next state does not reach the cell",
    "The cell reaches the loss on two ways: through the next step's cell, and through the state, o * tanh(c). Both add up: dc \
     + dh * o * (1 - tanh(c)**2).",
    "Along which two ways does the next cell reach the loss?",
    RECURRENT,
);
pub(super) const CELL_UPSTREAM_IGNORED: Words = words(
    "cell-upstream-ignored",
    "the gradient that arrives at the next cell is not used",
    "dc + dh * o * (1 - tanh(c)**2): the first term is the short way through time that the LSTM was built for.",
    "Does your result change when the gradient of the next cell does?",
    RECURRENT,
);
pub(super) const GATE_SLOPES_MISSING: Words = words(
    "gate-slopes-missing",
    "the derivative of the sigmoid is missing for the gates",
    "On its way back through a gate the gradient is multiplied with gate * (1 - gate).",
    "What happens to the gradient of a gate that is fully open?",
    RECURRENT,
);
pub(super) const STATE_GRADIENT_LOST: Words = words(
    "state-gradient-not-carried",
    "the state's gradient that arrives through the next step is not added",
    "A state is used twice: as output of its step, and by the next step. What arrives on both ways adds up: the upstream \
     gradient at t plus the gradient of the state before that step t + 1 gave.",
    "Along which two ways does the state at time t reach the loss?",
    RECURRENT,
);
pub(super) const CELL_GRADIENT_LOST: Words = words(
    "cell-gradient-not-carried",
    "the cell's gradient is not handed from step to step",
    "The gradient of the cell before that a step gives is the gradient of the next cell for the step before it; only at the \
     last step it starts at zero.",
    "Which gradient of the cell does the first step of the sequence get?",
    RECURRENT,
);
pub(super) const GRADIENTS_LOST: Words = words(
    "gradients-not-carried",
    "neither the state's nor the cell's gradient is handed from step to step",
    "Each step gives gradients of the state and of the cell before it, and the step before takes both: the state's added to \
     the upstream gradient, the cell's as it is. Inside of the loop, set both variables anew.",
    "Which variables of your loop change from step to step?",
    RECURRENT,
);
pub(super) const UPSTREAM_LOST: Words = words(
    "only-last-upstream",
    "only the gradient of the last state is used",
    "Every state of the sequence may have a gradient: that of time t comes in at step t.",
    "Does your result change when the upstream gradient at t = 0 does?",
    RECURRENT,
);
pub(super) const LAST_STEP_WEIGHTS: Words = words(
    "weight-gradient-overwritten",
    "the weights' gradients are those of one step only",
    "All steps share the weights, so their gradients add up over time: +=, not =.",
    "In how many steps were the weights used?",
    RECURRENT,
);
pub(super) const LOOPS_FORWARDS: Words = words(
    "loops-forwards",
    "the backward pass runs from the first step to the last",
    "A step needs the gradient that the step after it sends back: run from the end, for t in reversed(range(T)).",
    "Which step's gradient is complete from the start?",
    RECURRENT,
);
