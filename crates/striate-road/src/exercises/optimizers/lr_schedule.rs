//! `lr_schedule`: the learning rate at a step.

use std::f64::consts::PI;

use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Signature};
use crate::exercises::arguments::{count, float, float_named, int_named, rejects, returns, text, text_named};
use crate::value::Value;

/// The exercise.
pub static LR_SCHEDULE: Exercise = Exercise {
    id: "lr_schedule",
    station: "optimizers",
    task: "Return the learning rate of step number `step`, counted from 0.\n\
           Warm-up: in the first `warmup` steps the rate is base * (step + 1) / (warmup + 1), so that it is never zero and\n\
           reaches base in step `warmup`. From there let p = (step - warmup) / (total - warmup), at most 1. By kind:\n\
           \"step\": base, from p = 1/2 on base / 10, from p = 3/4 on base / 100.\n\
           \"exponential\": base * (floor / base)**p. \"linear\": straight from base to floor.\n\
           \"cosine\": half a cosine wave from base to floor, floor + (base - floor) * (1 + cos(pi * p)) / 2.\n\
           Refuse any other kind.",
    signature: Signature {
        name: "lr_schedule",
        parameters: &[
            text_named("kind", "step, exponential, linear or cosine"),
            int_named("step", "number of the step, from 0; total and beyond are allowed"),
            float_named("base", "highest rate"),
            float_named("floor", "lowest rate, positive; the kind step does not use it"),
            int_named("total", "number of steps of the training, more than warmup"),
            int_named("warmup", "number of steps of the warm-up, 0 for none"),
        ],
        returns: Parameter { name: "rate", kind: Kind::Float, meaning: "learning rate of that step" },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    hints: &[
        "Which part is wrong: the warm-up, the fall, or the end? Draw your rates for total = 10, warmup = 2.",
        "Two cases. If step < warmup: base * (step + 1) / (warmup + 1). Otherwise p = min(1, (step - warmup) / (total - \
         warmup)), a fraction (in Rust convert to f64 before dividing), and then the formula of the kind.",
        "base = 1, floor = 0.1, warmup = 2, total = 10: steps 0 and 1 have 1/3 and 2/3, step 2 has 1.\n\
         Step 6 is half way, p = 0.5: step 0.1, exponential 0.1**0.5 = 0.316, linear 0.55, cosine 0.1 + 0.9 * 0.5 = 0.55.\n\
         Step 10 has p = 1: step 0.01, the others 0.1; and so has step 11.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let arguments = |kind: &str, step: i64, [base, floor]: [f64; 2], total: i64, warmup: i64| {
        let text = Value::Text(kind.to_string());
        vec![text, Value::Int(step), Value::Float(base), Value::Float(floor), Value::Int(total), Value::Int(warmup)]
    };
    let mut probes = Vec::new();
    for kind in KINDS {
        for step in [0, 1, 2, 3, 6, 7, 8, 9] {
            let label = format!("{kind}, step {step} of 10, warm-up of 2");
            probes.push(Probe::ordinary(label, arguments(kind, step, [1.0, 0.1], 10, 2)));
        }
        for (step, what) in [(10, "after the last step"), (13, "long after the last step")] {
            let label = format!("{kind}, step {step} of 10, {what}");
            probes.push(Probe::hard(label, arguments(kind, step, [1.0, 0.1], 10, 2)));
        }
        let label = format!("{kind}, step 0 without warm-up");
        probes.push(Probe::hard(label, arguments(kind, 0, [0.3, 0.002], 7, 0)));
        let label = format!("{kind}, step 437 of 1000, a small rate");
        probes.push(Probe::hard(label, arguments(kind, 437, [3e-4, 1e-6], 1000, 100)));
    }
    probes.push(Probe::hard("a kind that does not exist", arguments("cosin", 3, [1.0, 0.1], 10, 2)));
    probes
}

const KINDS: [&str; 4] = ["step", "exponential", "linear", "cosine"];

struct Plan {
    step: f64,
    base: f64,
    floor: f64,
    total: f64,
    warmup: f64,
}

/// The four ways down, as functions of p.
struct Kinds {
    step: fn(&Plan, f64) -> f64,
    exponential: fn(&Plan, f64) -> f64,
    linear: fn(&Plan, f64) -> f64,
    cosine: fn(&Plan, f64) -> f64,
}

/// How a schedule is made; every misconception is one wrong setting.
struct Rule {
    warm_up: fn(&Plan) -> Option<f64>,
    progress: fn(&Plan) -> f64,
    kinds: Kinds,
}

const RIGHT_KINDS: Kinds = Kinds {
    step: |plan, p| match p {
        _ if p >= 0.75 => plan.base / 100.0,
        _ if p >= 0.5 => plan.base / 10.0,
        _ => plan.base,
    },
    exponential: |plan, p| plan.base * (plan.floor / plan.base).powf(p),
    linear: |plan, p| plan.base + (plan.floor - plan.base) * p,
    cosine: |plan, p| plan.floor + (plan.base - plan.floor) * (1.0 + (PI * p).cos()) / 2.0,
};

const RIGHT: Rule = Rule {
    warm_up: |plan| warming(plan).then(|| plan.base * (plan.step + 1.0) / (plan.warmup + 1.0)),
    progress: |plan| unlimited(plan).min(1.0),
    kinds: RIGHT_KINDS,
};

fn warming(plan: &Plan) -> bool {
    plan.step < plan.warmup
}

fn unlimited(plan: &Plan) -> f64 {
    (plan.step - plan.warmup) / (plan.total - plan.warmup)
}

fn with(arguments: &[Value], rule: &Rule) -> Outcome {
    let [step, total, warmup] = [1, 4, 5].map(|index| count(arguments, index) as f64);
    let plan = Plan { step, base: float(arguments, 2), floor: float(arguments, 3), total, warmup };
    let kind = match text(arguments, 0) {
        "step" => rule.kinds.step,
        "exponential" => rule.kinds.exponential,
        "linear" => rule.kinds.linear,
        "cosine" => rule.kinds.cosine,
        other => return rejects(format!("there is no kind \"{other}\"")),
    };
    returns(Value::Float((rule.warm_up)(&plan).unwrap_or_else(|| kind(&plan, (rule.progress)(&plan)))))
}

fn reference(arguments: &[Value]) -> Outcome {
    with(arguments, &RIGHT)
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "warmup-missing",
        title: "the warm-up starts at base: the first steps have the full rate",
        explanation: "In the first steps the gradients are large and Adam's v knows nothing yet: a full step now can throw \
                      the weights where they never come back from. The rate rises from base / (warmup + 1).",
        question: "What is your rate in step 0, and what is it in step warmup?",
        see: ("pytorch-docs", "torch.optim.lr_scheduler.LinearLR"),
        behaviour: |arguments| with(arguments, &Rule { warm_up: |plan| warming(plan).then_some(plan.base), ..RIGHT }),
    },
    Misconception {
        id: "warmup-from-zero",
        title: "the warm-up is base * step / warmup and starts at zero",
        explanation: "A common form, but its first step changes nothing: a batch is computed and thrown away. Here it is \
                      (step + 1) / (warmup + 1).",
        question: "Does step 0 of your training change the weights?",
        see: ("pytorch-docs", "torch.optim.lr_scheduler.LinearLR"),
        behaviour: |arguments| {
            let warm_up = |plan: &Plan| warming(plan).then(|| plan.base * plan.step / plan.warmup);
            with(arguments, &Rule { warm_up, ..RIGHT })
        },
    },
    Misconception {
        id: "warmup-reaches-base-early",
        title: "the warm-up is base * (step + 1) / warmup and reaches base one step early",
        explanation: "With warmup in the denominator the last step of the warm-up has the full rate already, and the step \
                      after it has it again. (step + 1) / (warmup + 1) reaches base exactly in step warmup.",
        question: "Which two steps of yours have exactly the rate base?",
        see: ("pytorch-docs", "torch.optim.lr_scheduler.LinearLR"),
        behaviour: |arguments| {
            let warm_up = |plan: &Plan| warming(plan).then(|| plan.base * (plan.step + 1.0) / plan.warmup);
            with(arguments, &Rule { warm_up, ..RIGHT })
        },
    },
    Misconception {
        id: "progress-from-start",
        title: "p is step / total, as if there were no warm-up",
        explanation: "After the warm-up the rate would not start at base but jump to a point further down. The fall has its \
                      own beginning: p = (step - warmup) / (total - warmup).",
        question: "What is p in step number warmup?",
        see: ("pytorch-docs", "torch.optim.lr_scheduler.SequentialLR"),
        behaviour: |arguments| with(arguments, &Rule { progress: |plan| (plan.step / plan.total).min(1.0), ..RIGHT }),
    },
    Misconception {
        id: "progress-by-total",
        title: "p is (step - warmup) / total, so the fall never comes to its end",
        explanation: "The fall takes total - warmup steps. Divided by total, p stays below 1, and training ends above the \
                      floor: the last, calmest steps, which bring the best weights, are missing.",
        question: "What is p in the last step?",
        see: ("pytorch-docs", "torch.optim.lr_scheduler.CosineAnnealingLR"),
        behaviour: |arguments| {
            let progress = |plan: &Plan| ((plan.step - plan.warmup) / plan.total).min(1.0);
            with(arguments, &Rule { progress, ..RIGHT })
        },
    },
    Misconception {
        id: "progress-not-limited",
        title: "after the last step p goes on beyond 1",
        explanation: "The cosine climbs again, the straight line goes below the floor and at last below zero: a negative rate \
                      climbs the hill. Keep p at most 1; trainings are often prolonged.",
        question: "What is your rate ten steps after the end?",
        see: ("pytorch-docs", "torch.optim.lr_scheduler.CosineAnnealingLR"),
        behaviour: |arguments| with(arguments, &Rule { progress: unlimited, ..RIGHT }),
    },
    Misconception {
        id: "integer-division",
        title: "p is a whole number: 0 until the end, then 1",
        explanation: "In Rust 3 / 8 is 0 for integers, in Python 3 // 8 is. The rate would stay at base during the whole \
                      training. Convert before you divide.",
        question: "What is (step - warmup) / (total - warmup) half way, in your language and with your types?",
        see: ("corey-python", "Python basics: integers and floats"),
        behaviour: |arguments| with(arguments, &Rule { progress: |plan| unlimited(plan).min(1.0).floor(), ..RIGHT }),
    },
    Misconception {
        id: "floor-ignored",
        title: "cosine and straight line go down to zero and not to the floor",
        explanation: "The wave has the height base - floor and stands on floor: floor + (base - floor) * (1 + cos(pi p)) / 2.",
        question: "What is your rate at p = 1?",
        see: ("pytorch-docs", "torch.optim.lr_scheduler.CosineAnnealingLR"),
        behaviour: |arguments| {
            let kinds = Kinds {
                linear: |plan, p| plan.base * (1.0 - p),
                cosine: |plan, p| plan.base * (1.0 + (PI * p).cos()) / 2.0,
                ..RIGHT_KINDS
            };
            with(arguments, &Rule { kinds, ..RIGHT })
        },
    },
    Misconception {
        id: "floor-added",
        title: "the floor is added to a wave of height base, so the rate starts above base",
        explanation: "At p = 0 that is floor + base. The wave must be as high as the way from base to floor, base - floor.",
        question: "What is your rate at p = 0?",
        see: ("pytorch-docs", "torch.optim.lr_scheduler.CosineAnnealingLR"),
        behaviour: |arguments| {
            let kinds = Kinds {
                linear: |plan, p| plan.floor + plan.base * (1.0 - p),
                cosine: |plan, p| plan.floor + plan.base * (1.0 + (PI * p).cos()) / 2.0,
                ..RIGHT_KINDS
            };
            with(arguments, &Rule { kinds, ..RIGHT })
        },
    },
    Misconception {
        id: "floor-as-limit",
        title: "the curves go down to zero and are cut off at the floor, max(floor, ...)",
        explanation: "Then the rate lies flat at the floor for the last part, and is lower than asked for on the way. The \
                      curve itself ends at the floor.",
        question: "In which step does your rate first reach the floor?",
        see: ("pytorch-docs", "torch.optim.lr_scheduler.CosineAnnealingLR"),
        behaviour: |arguments| {
            let kinds = Kinds {
                linear: |plan, p| (plan.base * (1.0 - p)).max(plan.floor),
                cosine: |plan, p| (plan.base * (1.0 + (PI * p).cos()) / 2.0).max(plan.floor),
                ..RIGHT_KINDS
            };
            with(arguments, &Rule { kinds, ..RIGHT })
        },
    },
    Misconception {
        id: "cosine-full-wave",
        title: "the cosine makes a full wave, cos(2 pi p), and comes back up to base",
        explanation: "Half a wave goes from 1 to -1: cos(pi p). A full one is at the floor half way and at base at the end.",
        question: "What is your cosine rate at p = 1?",
        see: ("pytorch-docs", "torch.optim.lr_scheduler.CosineAnnealingLR"),
        behaviour: |arguments| {
            let cosine =
                |plan: &Plan, p: f64| plan.floor + (plan.base - plan.floor) * (1.0 + (2.0 * PI * p).cos()) / 2.0;
            with(arguments, &Rule { kinds: Kinds { cosine, ..RIGHT_KINDS }, ..RIGHT })
        },
    },
    Misconception {
        id: "drop-one-late",
        title: "the rate drops after p = 1/2 and p = 3/4 and not in them",
        explanation: "From p = 1/2 on includes p = 1/2: >= and not >. One step of difference, which nobody sees in a loss \
                      curve and everybody in a comparison with someone else's numbers.",
        question: "Which rate has the step with p = 1/2 exactly?",
        see: ("pytorch-docs", "torch.optim.lr_scheduler.MultiStepLR"),
        behaviour: |arguments| {
            let step = |plan: &Plan, p: f64| match p {
                _ if p > 0.75 => plan.base / 100.0,
                _ if p > 0.5 => plan.base / 10.0,
                _ => plan.base,
            };
            with(arguments, &Rule { kinds: Kinds { step, ..RIGHT_KINDS }, ..RIGHT })
        },
    },
    Misconception {
        id: "second-drop-missing",
        title: "the rate drops to base / 10 and never to base / 100",
        explanation: "If the test for p >= 1/2 comes first, the test for p >= 3/4 is never reached: ask for the larger first, \
                      or multiply by 0.1 for each mark that is passed.",
        question: "At p = 0.9, which of your branches is taken first?",
        see: ("pytorch-docs", "torch.optim.lr_scheduler.MultiStepLR"),
        behaviour: |arguments| {
            let step = |plan: &Plan, p: f64| if p >= 0.5 { plan.base / 10.0 } else { plan.base };
            with(arguments, &Rule { kinds: Kinds { step, ..RIGHT_KINDS }, ..RIGHT })
        },
    },
];
