//! The two-layer network lab: points in the plane, one hidden layer, and the regions it decides while it learns.

use std::time::{Duration, Instant};

use super::control::{Control, Kind, Values};
use super::pane::{Bytes, ClassPoint, Content, Edge, Frame, Line, Node, Notice, Pane, Series, Size, Tile, Tone};
use super::two_layer::{Activation, Start, TwoLayer};
use super::{Action, Lab, Session, points};

/// The lab.
pub const LAB: Lab = Lab {
    id: "network",
    title: "Two-layer network lab",
    about: "Every hidden unit draws one straight line through the plane; the output adds them up into a boundary. \
            Watch the lines turn while the network learns.",
    tries: &[
        "XOR with 1, 2, 3 and 4 hidden units: how few are enough, and does the seed matter?",
        "Start from all zeros. Every hidden unit gets the same gradient, so they stay twins for ever.",
        "Push the learning rate up until the loss jumps, and a little further.",
        "Spiral with 8 units, then with 40. Then add L2 and see the boundary calm down.",
        "Pin a hidden unit and find the line it draws; the shaded side is where it answers.",
    ],
    controls: CONTROLS,
    actions: &[
        Action { id: "run", label: "Train / pause", help: "Starts and pauses the training" },
        Action { id: "step", label: "One step", help: "One step of gradient descent over all points" },
        Action { id: "restart", label: "Restart", help: "New weights from the seed" },
    ],
    open: |_| Box::new(NetworkLab::default()),
};

const CONTROLS: &[Control] = &[
    Control {
        id: "points",
        label: "Points",
        help: "Which two classes to tell apart.",
        default: "moons",
        kind: Kind::Choice(&[("moons", "Two moons"), ("spiral", "Spiral"), ("flower", "Flower"), ("xor", "XOR")]),
    },
    Control {
        id: "noise",
        label: "Noise",
        help: "How far points stray; the square is 2 wide.",
        default: "0.05",
        kind: Kind::Slider { min: 0.0, max: 0.2, step: 0.01, logarithmic: false },
    },
    Control {
        id: "hidden",
        label: "Hidden units",
        help: "Lines the network may draw.",
        default: "6",
        kind: Kind::Slider { min: 1.0, max: 50.0, step: 1.0, logarithmic: false },
    },
    Control {
        id: "activation",
        label: "Activation",
        help: "What bends the line. With “none” the whole network stays one straight line.",
        default: "tanh",
        kind: Kind::Choice(&[("tanh", "tanh"), ("relu", "ReLU"), ("sigmoid", "sigmoid"), ("none", "none")]),
    },
    Control {
        id: "rate",
        label: "Learning rate",
        help: "Length of a step; may be changed while it trains.",
        default: "0.5",
        kind: Kind::Slider { min: 0.001, max: 1000.0, step: 0.05, logarithmic: true },
    },
    Control {
        id: "l2",
        label: "L2",
        help: "Pull of the weights towards zero; may be changed while it trains.",
        default: "0",
        kind: Kind::Slider { min: 0.0, max: 0.05, step: 0.001, logarithmic: false },
    },
    Control {
        id: "start",
        label: "Starting weights",
        help: "Random ones come from the seed.",
        default: "random",
        kind: Kind::Choice(&[("random", "Random"), ("zero", "All zero"), ("large", "Random, 10 × too large")]),
    },
    Control {
        id: "seed",
        label: "Seed",
        help: "Of the weights; the points keep theirs.",
        default: "1",
        kind: Kind::Slider { min: 0.0, max: 20.0, step: 1.0, logarithmic: false },
    },
    Control {
        id: "unit",
        label: "Pin a hidden unit",
        help: "Shows that unit's line alone; 0 shows all.",
        default: "0",
        kind: Kind::Slider { min: 0.0, max: 50.0, step: 1.0, logarithmic: false },
    },
    Control {
        id: "stop",
        label: "Stop after",
        help: "Steps; it also stops when nothing changes any more.",
        default: "5000",
        kind: Kind::Choice(&[("500", "500 steps"), ("5000", "5000 steps"), ("50000", "50 000 steps")]),
    },
];

const POINTS: usize = 240;
/// Cells along each side of the background.
const SIDE: usize = 64;
/// Cells along each side of a hidden unit's picture.
const UNIT_SIDE: usize = 24;
/// Half the width of what is shown.
const REACH: f32 = 1.15;
/// Time between two frames while it trains.
const FRAME: Duration = Duration::from_millis(50);
/// The loss counts as settled when it changes by less than this share over [`SETTLED_STEPS`].
const SETTLED: f64 = 1e-5;
const SETTLED_STEPS: u64 = 400;

#[derive(Default)]
struct NetworkLab {
    values: Option<Values>,
    experiment: Option<Experiment>,
}

/// One network on one set of points.
struct Experiment {
    points: Vec<ClassPoint>,
    network: TwoLayer,
    /// Step and loss of every `stride`-th step.
    losses: Vec<[f64; 2]>,
    stride: u64,
    /// After the last step.
    loss: f64,
    step: u64,
    running: bool,
    ended: Option<Notice>,
}

impl Session for NetworkLab {
    fn update(&mut self, values: &Values) -> Frame {
        let restarts = ["points", "noise", "hidden", "activation", "start", "seed"];
        let earlier = self.values.replace(values.clone());
        let is_same = earlier.is_some_and(|earlier| restarts.iter().all(|id| earlier.text(id) == values.text(id)));
        match &mut self.experiment {
            Some(experiment) if is_same => experiment.network.tune(values.number("rate"), values.number("l2")),
            _ => {
                let was_running = self.experiment.as_ref().is_some_and(|experiment| experiment.running);
                self.experiment = Some(Experiment::new(values, was_running));
            }
        }
        self.frame()
    }

    fn act(&mut self, action: &str) -> Option<Frame> {
        let values = self.values.as_ref()?;
        let experiment = self.experiment.as_mut()?;
        match action {
            "run" => experiment.running = !experiment.running && experiment.ended.is_none(),
            "step" => experiment.train(1, values),
            "restart" => *experiment = Experiment::new(values, false),
            _ => return None,
        }
        Some(self.frame())
    }

    fn advance(&mut self) -> Option<Frame> {
        let values = self.values.as_ref()?;
        let experiment = self.experiment.as_mut()?;
        let start = Instant::now();
        while experiment.running && start.elapsed() < FRAME {
            experiment.train(5, values);
        }
        Some(self.frame())
    }
}

impl NetworkLab {
    fn frame(&self) -> Frame {
        match (&self.experiment, &self.values) {
            (Some(experiment), Some(values)) => experiment.frame(values),
            _ => Frame::default(),
        }
    }
}

impl Experiment {
    fn new(values: &Values, running: bool) -> Self {
        let points = points::generate(values.text("points"), POINTS, values.number("noise"), 11);
        let activation = match values.text("activation") {
            "relu" => Activation::Relu,
            "sigmoid" => Activation::Sigmoid,
            "none" => Activation::Identity,
            _ => Activation::Tanh,
        };
        let start = match values.text("start") {
            "zero" => Start::Zero,
            "large" => Start::Large,
            _ => Start::Random,
        };
        let mut network = TwoLayer::new(values.count("hidden").max(1), activation, start, values.count("seed") as u64);
        network.learn_from(&points);
        network.tune(values.number("rate"), values.number("l2"));
        let loss = network.loss();
        Experiment { points, network, losses: vec![[0.0, loss]], stride: 1, loss, step: 0, running, ended: None }
    }

    fn train(&mut self, steps: u64, values: &Values) {
        for _ in 0..steps {
            if self.ended.is_some() {
                return;
            }
            let loss = self.network.step();
            self.step += 1;
            self.note(loss, values);
        }
    }

    /// Keeps the curve and sees whether this is the end.
    fn note(&mut self, loss: f64, values: &Values) {
        if !loss.is_finite() || !self.network.is_finite() {
            self.end(Tone::Warning, format!(
                "You found divergence: at step {} the loss is no longer a number. Each step overshot the valley by more than \
                 the one before, until the weights left the range of floating-point numbers. Nothing is broken: lower the \
                 learning rate (it is {}) and restart.",
                self.step,
                values.text("rate"),
            ));
            return;
        }
        self.loss = loss;
        if self.step.is_multiple_of(self.stride) {
            self.losses.push([self.step as f64, loss]);
        }
        // Far more points than pixels help nobody. The ones that stay are evenly spaced: the steep start remains visible.
        if self.losses.len() > 800 {
            self.stride *= 2;
            let stride = self.stride;
            self.losses.retain(|point| (point[0] as u64).is_multiple_of(stride));
        }
        if self.step >= values.count("stop") as u64 {
            self.end(Tone::Info, format!("Stopped after {} steps. “Stop after” gives it more.", self.step));
        } else if self.step.is_multiple_of(SETTLED_STEPS) && self.has_settled(loss) {
            let text = if values.text("start") == "zero" && self.network.units_are_twins() {
                "Nothing changes any more, and all hidden units are still the same: from equal weights every unit gets the \
                 same gradient, so they can never become different. That is why weights start random."
            } else if loss > self.losses[0][1] {
                "The loss has settled above where it began: long steps have thrown the units to a place where they no longer \
                 answer to the points, so no gradient reaches them. Restart with a lower learning rate."
            } else {
                "Nothing changes any more: the gradient is almost zero here. Another seed may find a better place."
            };
            self.end(Tone::Info, text.to_owned());
        }
    }

    fn has_settled(&self, loss: f64) -> bool {
        let earlier = self.losses.iter().rev().find(|point| point[0] + SETTLED_STEPS as f64 <= self.step as f64);
        earlier.is_some_and(|earlier| (earlier[1] - loss).abs() < SETTLED * loss.max(1e-3))
    }

    fn end(&mut self, tone: Tone, text: String) {
        self.running = false;
        self.ended = Some(Notice { tone, text });
    }

    fn frame(&self, values: &Values) -> Frame {
        let pinned =
            Some(values.count("unit")).filter(|unit| (1..=self.network.hidden()).contains(unit)).map(|unit| unit - 1);
        let mut losses = self.losses.clone();
        losses.push([self.step as f64, self.loss]);
        let right = self.network.accuracy(&self.points);
        let curve = vec![Series { name: String::new(), points: losses }];
        let panes = vec![
            self.plane(pinned),
            Pane::new("loss", "Loss", Content::Plot { series: curve, x: "step".to_owned(), y: "loss".to_owned() })
                .caption("Mean cross-entropy over all points; 0.693 is a coin toss."),
            self.graph(pinned),
            self.units(pinned),
        ];
        Frame {
            notice: self.ended.clone(),
            status: Some(format!("step {:<6} loss {:<8.4} right {:.1} %", self.step, self.loss, right * 100.0)),
            running: self.running,
            ..Frame::of(panes)
        }
    }

    fn plane(&self, pinned: Option<usize>) -> Pane {
        let grid = cells(SIDE);
        let background = self.network.probabilities(&grid).iter().map(|p| (p * 255.0).round() as u8).collect();
        let lines = self.network.lines().into_iter().enumerate();
        let lines = lines
            .filter(|(unit, _)| pinned.is_none_or(|pinned| pinned == *unit))
            .map(|(unit, coefficients)| Line {
                coefficients,
                label: format!("hidden unit {}", unit + 1),
                marked: pinned == Some(unit),
            })
            .collect();
        let content = Content::Scatter {
            points: self.points.clone(),
            domain: [-REACH, REACH, -REACH, REACH],
            side: SIDE,
            background: Bytes(background),
            lines,
        };
        Pane::new("plane", "What it decides", content)
            .caption("Colour: what the network answers; lines: where a hidden unit changes its mind.")
    }

    fn graph(&self, pinned: Option<usize>) -> Pane {
        let hidden = self.network.hidden();
        let place = |index: usize, count: usize| (index as f32 + 0.5) / count as f32;
        let node = |x, y, label: String, marked| Node { x, y, label, marked };
        let mut nodes = vec![node(0.0, 0.3, "x".to_owned(), false), node(0.0, 0.7, "y".to_owned(), false)];
        nodes.extend(
            (0..hidden).map(|unit| node(0.5, place(unit, hidden), (unit + 1).to_string(), pinned == Some(unit))),
        );
        nodes.push(node(1.0, 0.5, "out".to_owned(), false));
        let (first, second) = self.network.weights();
        let edges = (0..hidden)
            .flat_map(|unit| {
                [
                    Edge { from: 0, to: 2 + unit, weight: first[2 * unit] },
                    Edge { from: 1, to: 2 + unit, weight: first[2 * unit + 1] },
                    Edge { from: 2 + unit, to: 2 + hidden, weight: second[unit] },
                ]
            })
            .collect();
        Pane::new("graph", "Weights", Content::Graph { nodes, edges })
            .caption("Thick is large; orange adds, blue takes away.")
    }

    fn units(&self, pinned: Option<usize>) -> Pane {
        let outputs = self.network.hidden_outputs(&cells(UNIT_SIDE));
        let tiles = (0..self.network.hidden())
            .map(|unit| {
                let column = outputs.iter().skip(unit).step_by(self.network.hidden());
                let most = column.clone().fold(1e-6_f32, |most, value| most.max(value.abs()));
                let pixels = column.map(|value| (128.0 + 127.0 * value / most).round() as u8).collect();
                Tile { label: (unit + 1).to_string(), pixels: Bytes(pixels), marked: pinned == Some(unit) }
            })
            .collect();
        Pane::new(
            "units",
            "What each hidden unit answers",
            Content::Gallery { width: UNIT_SIDE, height: UNIT_SIDE, signed: true, tiles },
        )
        .caption("Over the same square; orange positive, blue negative.")
        .size(Size::Medium)
    }
}

/// Centres of the cells of a square grid over what is shown, from the top row, as x, y pairs.
fn cells(side: usize) -> Vec<f32> {
    let at = |index: usize| ((index as f32 + 0.5) / side as f32 * 2.0 - 1.0) * REACH;
    (0..side * side).flat_map(|cell| [at(cell % side), -at(cell / side)]).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Values {
        Values::new(
            CONTROLS,
            &pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<BTreeMap<_, _>>(),
        )
    }

    fn run(pairs: &[(&str, &str)]) -> (NetworkLab, Frame) {
        let mut lab = NetworkLab::default();
        lab.update(&values(pairs));
        let mut frame = lab.act("run").unwrap();
        while frame.running {
            frame = lab.advance().unwrap();
        }
        (lab, frame)
    }

    #[test]
    fn eight_units_learn_the_moons_and_it_stops_by_itself() {
        let (lab, frame) = run(&[("hidden", "8"), ("rate", "1"), ("stop", "5000")]);
        let experiment = lab.experiment.unwrap();
        let right = experiment.network.accuracy(&experiment.points);
        assert!(right > 0.97, "{right}");
        assert_eq!(frame.notice.unwrap().tone, Tone::Info);
        // The curve keeps its steep start however long it grows.
        let gaps: Vec<f64> = experiment.losses.windows(2).map(|pair| pair[1][0] - pair[0][0]).collect();
        assert!((400..=800).contains(&experiment.losses.len()) && gaps.iter().all(|gap| *gap == gaps[0]), "{gaps:?}");
    }

    #[test]
    fn zeros_stay_twins_and_are_explained() {
        let (lab, frame) = run(&[("start", "zero"), ("rate", "1")]);
        let experiment = lab.experiment.unwrap();
        assert!(experiment.network.units_are_twins());
        assert!(frame.notice.unwrap().text.contains("same gradient"));
    }

    #[test]
    fn divergence_is_caught_and_named() {
        let (_, frame) = run(&[("l2", "0.05"), ("rate", "1000")]);
        let notice = frame.notice.unwrap();
        assert_eq!(notice.tone, Tone::Warning, "{}", notice.text);
        assert!(notice.text.contains("divergence"), "{}", notice.text);
    }

    #[test]
    fn the_rate_changes_without_a_restart_and_the_seed_with_one() {
        let mut lab = NetworkLab::default();
        lab.update(&values(&[]));
        lab.act("step");
        let frame = lab.update(&values(&[("rate", "0.1")]));
        assert!(frame.status.unwrap().starts_with("step 1 "));
        let frame = lab.update(&values(&[("rate", "0.1"), ("seed", "2")]));
        assert!(frame.status.unwrap().starts_with("step 0 "));
    }
}
