//! What an exercise is: a signature, probes, a reference and the mistakes that people make.
//!
//! One exercise lives in one file of [`crate::exercises`]. Everything a learner meets is derived from the type here:
//! the starters in both languages (from the [`Signature`]), the checks (from probes and reference) and the diagnosis
//! (from the misconceptions, which are mutated references).

use crate::project::Measured;
use crate::runner::Language;
use crate::value::Value;

/// The kind of a parameter or result; it decides how the value is written in each language.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// `float` / `f64`.
    Float,
    /// `int` / `i64`.
    Int,
    /// `bool`.
    Bool,
    /// `str` / `&str`.
    Text,
    /// An array with element type and named axes, e.g. `f64[H,W]`.
    Array {
        /// Element type.
        element: Element,
        /// Axis names or formulas, e.g. `["H+kh-1", "W+kw-1"]`.
        axes: &'static [&'static str],
    },
    /// A function from one array to one array of the same kind.
    Function,
    /// What only Python has, as its annotation: `dict[str, int]`. For exercises in Python alone.
    Python(&'static str),
    /// Several results.
    Tuple(&'static [Parameter]),
}

/// Element type of an array parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// 64-bit float.
    F64,
    /// 32-bit float.
    F32,
    /// 64-bit integer.
    I64,
    /// Byte.
    U8,
    /// Boolean.
    Bool,
}

impl Element {
    /// NumPy's name.
    pub fn numpy_name(self) -> &'static str {
        match self {
            Element::F64 => "float64",
            Element::F32 => "float32",
            Element::I64 => "int64",
            Element::U8 => "uint8",
            Element::Bool => "bool",
        }
    }
}

/// A named parameter or a named part of a result.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Name as the learner writes it.
    pub name: &'static str,
    /// Kind.
    pub kind: Kind,
    /// One line for the docstring: what it means, units.
    pub meaning: &'static str,
}

/// Name, parameters and result of the function the learner writes.
#[derive(Clone, Debug, PartialEq)]
pub struct Signature {
    /// Function name, the same in both languages.
    pub name: &'static str,
    /// Parameters in order.
    pub parameters: &'static [Parameter],
    /// The result.
    pub returns: Parameter,
}

/// What a reference, a misconception or a learner's function did with one probe.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It returned a value.
    Value(Value),
    /// It refused the input, as the task may ask (e.g. even kernels): an exception in Python, a panic in Rust.
    Rejects(String),
}

/// How demanding a probe is. A solution that fails hard probes only is *fragile*.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difficulty {
    /// What the task text talks about.
    Ordinary,
    /// Edges: size one, ties, extreme values, non-square everything, inputs to be rejected.
    Hard,
}

/// One input to try. Probes are listed in teaching order; arrays have axes that all differ in length.
#[derive(Clone, Debug)]
pub struct Probe {
    /// What is special about it, as a noun phrase: "a 5 by 7 image, a 3 by 3 asymmetric kernel".
    pub label: String,
    /// Ordinary or hard.
    pub difficulty: Difficulty,
    /// Arguments in the order of the signature.
    pub arguments: Vec<Value>,
}

impl Probe {
    /// A probe of what the task text talks about.
    pub fn ordinary(label: impl Into<String>, arguments: Vec<Value>) -> Self {
        Probe { label: label.into(), difficulty: Difficulty::Ordinary, arguments }
    }

    /// A probe of an edge.
    pub fn hard(label: impl Into<String>, arguments: Vec<Value>) -> Self {
        Probe { label: label.into(), difficulty: Difficulty::Hard, arguments }
    }

    /// How many numbers its arguments hold.
    pub fn size(&self) -> usize {
        self.arguments.iter().map(Value::size).sum()
    }
}

/// A function of the same signature as the exercise.
pub type Behaviour = fn(&[Value]) -> Outcome;

/// A mistake people make, as a mutated reference.
#[derive(Clone, Copy)]
pub struct Misconception {
    /// Id shared across exercises: `kernel-flipped`, `mean-missing`.
    pub id: &'static str,
    /// One sentence that completes "Your output equals what you get when ...".
    pub title: &'static str,
    /// At most six lines: why it is wrong and what the right thing is.
    pub explanation: &'static str,
    /// The first hint: a question that makes the learner look at the right place.
    pub question: &'static str,
    /// Where to read: a resource id of `road/resources.toml` and a place in it, e.g. `("ud810", "2A-L3")`.
    pub see: (&'static str, &'static str),
    /// What the mistake computes.
    pub behaviour: Behaviour,
}

/// How close is close enough.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// Relative to the larger magnitude of the expected array.
    pub relative: f64,
    /// Absolute.
    pub absolute: f64,
}

impl Tolerance {
    /// For f64 computations that only differ in the order of summation.
    pub const F64: Tolerance = Tolerance { relative: 1e-9, absolute: 1e-11 };
}

/// A gradient exercise: how to get two verdicts on a backward function (see the notes on the checker).
#[derive(Clone, Copy)]
pub struct GradientCheck {
    /// Exercise id of the forward function in the same station; its learner's version is differentiated numerically too.
    pub forward: &'static str,
    /// From the backward probe's arguments: the forward call's arguments, which of those arguments the backward
    /// results are gradients of (in the order of the result tuple), and the upstream gradient.
    pub forward_call: fn(&[Value]) -> ForwardCall,
}

/// See [`GradientCheck`].
pub struct ForwardCall {
    /// Arguments of the forward function.
    pub arguments: Vec<Value>,
    /// Index into `arguments` per gradient returned.
    pub with_respect_to: Vec<usize>,
    /// Gradients of the loss with respect to the forward's results, from the first one on; those left out are zero.
    pub upstream: Vec<Value>,
}

/// A property any right answer has, checked on each ordinary probe after the values; the text completes
/// "A right answer ...". Returns what is violated, if anything.
#[derive(Clone, Copy)]
pub struct Property {
    /// E.g. "sums to one".
    pub title: &'static str,
    /// Arguments and result in, violation out.
    pub violated: fn(&[Value], &Value) -> Option<String>,
}

/// One call of a function: what it took and what it gave.
#[derive(Clone, Copy)]
pub struct Answer<'a> {
    /// Its arguments.
    pub arguments: &'a [Value],
    /// Its result.
    pub result: &'a Value,
}

/// How a result is judged where many results are right: a trained network, an image with less noise.
#[derive(Clone, Copy)]
pub enum Measure {
    /// Each result by itself. `None` where the input has nothing to do with it.
    Each(fn(Answer<'_>) -> Option<Measured>),
    /// Two results against each other, the one of the earlier probe first: the same inputs give the same result, what
    /// must not matter does not. `None` where these two have nothing to do with each other.
    Pair(fn(Answer<'_>, Answer<'_>) -> Option<Measured>),
}

/// Something that is measured and must hold.
#[derive(Clone, Copy)]
pub struct Requirement {
    /// Id of the misconception of the same exercise that is named when it does not hold. Its behaviour is an answer that
    /// violates this requirement and none before it; its title says in a sentence what was found.
    pub id: &'static str,
    /// Measures it.
    pub measure: Measure,
}

/// The measurement at full size that the check of a milestone ends with, once all else holds: one call with real data,
/// all of it, of which a share has to come out right in time.
#[derive(Clone, Copy)]
pub struct FullSize {
    /// What it works on, in words: "all of MNIST, 60,000 digits to learn from and 10,000 to read".
    pub data: &'static str,
    /// The arguments of the call.
    pub arguments: fn() -> Vec<Value>,
    /// How many parts of the result are right, of how many.
    pub right: fn(Answer<'_>) -> (usize, usize),
    /// What these parts are: "images whose classes your code never saw".
    pub what: &'static str,
    /// The share of them that has to be right, 0 to 1.
    pub asked: f64,
    /// Wall time that the call may take, in seconds. Rust programs are compiled to run fast for it.
    pub seconds: u64,
    /// Id of the misconception of the same exercise that is named where fewer are right.
    pub shortfall: &'static str,
}

/// What a call may take where the usual limits do not fit: ten seconds and 4 GiB.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// Wall time of one call in seconds.
    pub call_seconds: u64,
    /// Address space of the program in bytes, the interpreter and its libraries included.
    pub memory_bytes: u64,
}

/// A speed that is asked for. Whoever is slower gets a hint after a passed check, never a failure.
#[derive(Clone, Copy)]
pub struct Speed {
    /// A large input.
    pub arguments: fn() -> Vec<Value>,
    /// How often the innermost line of a naive loop over that input runs.
    pub naive_steps: f64,
    /// How many times faster than that loop in the same language an answer should be.
    pub times_faster: f64,
}

/// Brings a result to the one form in which results are compared; called with the arguments and a result of any shape,
/// also a wrong one, which it may leave as it is.
pub type Canonical = fn(&[Value], Value) -> Value;

/// How a number of the right result comes about, in numbers: "0*10 + 1*20 + 2*30 = 80". Called with the arguments, the
/// part of a tuple and the row-major position in it. `None` where there is nothing to show.
pub type Worked = fn(arguments: &[Value], part: usize, at: usize) -> Option<String>;

/// An exercise.
pub struct Exercise {
    /// Stable id, unique on the road; equals the function name.
    pub id: &'static str,
    /// Station it belongs to.
    pub station: &'static str,
    /// The task in two to six lines, put into the starter's docstring.
    pub task: &'static str,
    /// Languages it can be answered in. Python alone where the task is about Python itself.
    pub languages: &'static [Language],
    /// Function to write.
    pub signature: Signature,
    /// What the Python starter holds below the task where that is more than one empty function: a class to write, and
    /// the function that the check calls, which uses it.
    pub python_starter: Option<&'static str>,
    /// Inputs to try, in teaching order, small ones among them. Deterministic.
    pub probes: fn() -> Vec<Probe>,
    /// The right answer, computed by the toolkit.
    pub reference: Behaviour,
    /// Mistakes that are recognised.
    pub misconceptions: &'static [Misconception],
    /// Where many answers are right: what is measured of them, in the order in which it is asked for, one requirement
    /// for each misconception. Then results are not compared with the reference's, which is one answer that passes.
    pub measured: &'static [Requirement],
    /// For a milestone: what is measured at full size after a pass.
    pub full_size: Option<FullSize>,
    /// Properties of a right answer.
    pub properties: &'static [Property],
    /// Two gradient verdicts, for backward functions.
    pub gradient: Option<GradientCheck>,
    /// Closeness of values.
    pub tolerance: Tolerance,
    /// Where several answers are right (signs of singular vectors, order of equal eigenvalues, which of tied maxima):
    /// brings any of them to one form, in which answers are compared and shown. None where there is one right answer.
    pub canonical: Option<Canonical>,
    /// One number of the right result worked through by hand; None where a sentence must do.
    pub worked: Option<Worked>,
    /// How fast a vectorised answer should be; None where speed is not the point.
    pub speed: Option<Speed>,
    /// What a call may take, where it is not the usual.
    pub budget: Option<Budget>,
    /// Packages that the file must not import: what the exercise is about has to be the learner's own.
    pub refused_imports: &'static [&'static str],
    /// Hint ladder after the misconception's question: where to look, what to do, a worked example in tiny numbers.
    pub hints: &'static [&'static str],
}

impl Exercise {
    /// What an exercise has that says nothing else: no properties, no gradient, f64 closeness, one right answer, no
    /// speed, the usual limits, any import. Written as `..Exercise::DEFAULTS` at the end of an exercise.
    pub const DEFAULTS: Exercise = Exercise {
        id: "",
        station: "",
        task: "",
        languages: &Language::ALL,
        signature: Signature {
            name: "",
            parameters: &[],
            returns: Parameter { name: "", kind: Kind::Float, meaning: "" },
        },
        python_starter: None,
        probes: Vec::new,
        reference: |_| Outcome::Rejects(String::new()),
        misconceptions: &[],
        measured: &[],
        full_size: None,
        properties: &[],
        gradient: None,
        tolerance: Tolerance::F64,
        canonical: None,
        worked: None,
        speed: None,
        budget: None,
        refused_imports: &[],
        hints: &[],
    };

    /// A sentence for someone who wants to answer in a language that the exercise does not have.
    pub fn only_in(&self, language: Language) -> String {
        let others: Vec<String> = self.languages.iter().map(Language::to_string).collect();
        let others = others.join(" and ");
        format!("{} is an exercise about {others} itself: answer it in {others}, not in {language}", self.id)
    }

    /// The right answer, in the form in which answers are compared.
    pub fn expected(&self, arguments: &[Value]) -> Outcome {
        self.outcome(self.reference, arguments)
    }

    /// What a behaviour does, in the form in which answers are compared.
    pub fn outcome(&self, behaviour: Behaviour, arguments: &[Value]) -> Outcome {
        match behaviour(arguments) {
            Outcome::Value(value) => Outcome::Value(self.in_canonical_form(arguments, value)),
            rejects @ Outcome::Rejects(_) => rejects,
        }
    }

    /// A result in the form in which answers are compared.
    pub fn in_canonical_form(&self, arguments: &[Value], value: Value) -> Value {
        match self.canonical {
            Some(canonical) => canonical(arguments, value),
            None => value,
        }
    }
}
