//! Every differentiable operation against central differences, on dense inputs and on strided views of them.

use std::collections::BTreeSet;
use std::path::Path;

use striate_tensor::gradient_check::check_gradients;
use striate_tensor::random::Generator;
use striate_tensor::registry::REGISTRY;
use striate_tensor::{DType, GradOptions, Tensor, grad_with};

/// The same values with the dimensions in the opposite order in memory.
fn permuted(x: &Tensor) -> Tensor {
    let reversed: Vec<isize> = (0..x.rank() as isize).rev().collect();
    x.permute(&reversed).contiguous().permute(&reversed)
}

/// The same values as a part of a larger tensor: with an offset and gaps between rows.
fn narrowed(x: &Tensor) -> Tensor {
    let mut part = x.pad(&vec![(2, 1); x.rank()], -3.0);
    for (d, &size) in x.shape().iter().enumerate() {
        part = part.narrow(d as isize, 2, size);
    }
    part
}

fn check(arrange: impl Fn(&Tensor) -> Tensor) {
    let mut problems = Vec::new();
    for (i, operation) in REGISTRY.iter().enumerate() {
        for round in 0..2 {
            let mut generator = Generator::new(17).fork(i as u64).fork(round);
            let inputs: Vec<Tensor> = (operation.inputs)(&mut generator)
                .iter()
                .map(|input| if input.dtype() == DType::F64 { arrange(input) } else { input.clone() })
                .collect();
            if let Err(problem) = check_gradients(&inputs, operation.function) {
                problems.push(format!("{}: {problem}", operation.name));
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn gradients_on_dense_inputs() {
    check(Tensor::clone);
}

#[test]
fn gradients_on_permuted_views() {
    check(permuted);
}

#[test]
fn gradients_on_narrowed_views() {
    check(narrowed);
}

#[test]
fn values_do_not_depend_on_the_layout_of_the_inputs() {
    for (i, operation) in REGISTRY.iter().enumerate() {
        let inputs = (operation.inputs)(&mut Generator::new(23).fork(i as u64));
        let expected = (operation.function)(&inputs);
        for arrange in [permuted, narrowed] {
            let arranged: Vec<Tensor> = inputs
                .iter()
                .map(|input| if input.dtype() == DType::F64 { arrange(input) } else { input.clone() })
                .collect();
            let found = (operation.function)(&arranged);
            assert_eq!(found.shape(), expected.shape(), "{}", operation.name);
            for (a, b) in found.to_vec::<f64>().iter().zip(expected.to_vec::<f64>()) {
                assert!((a - b).abs() <= 1e-12 * b.abs().max(1.0), "{}: {a} and {b}", operation.name);
            }
        }
    }
}

/// The backward rules in the sources: types that implement `Backward`, directly or through a macro line
/// `..., NameBackward: ...`.
fn rules_in_sources(folder: &Path, rules: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rules_in_sources(&path, rules);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = std::fs::read_to_string(&path).unwrap();
            for line in source.lines().filter(|line| !line.trim_start().starts_with("//")) {
                let direct = line.split("Backward for ").nth(1).and_then(|rest| rest.split_whitespace().next());
                let by_macro =
                    line.split_once("Backward:").and_then(|(before, _)| before.split_whitespace().next_back());
                match (direct, by_macro) {
                    (Some(name), _) if !name.starts_with('$') => rules.insert(name.to_owned()),
                    (None, Some(name)) => rules.insert(format!("{name}Backward")),
                    _ => false,
                };
            }
        }
    }
}

#[test]
fn every_backward_rule_is_reached_by_the_registry() {
    let mut rules = BTreeSet::new();
    rules_in_sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ops"), &mut rules);
    assert!(rules.len() > 25 && rules.contains("ReluBackward") && rules.contains("AddBackward"), "{rules:?}");
    let mut reached = BTreeSet::new();
    for (i, operation) in REGISTRY.iter().enumerate() {
        let inputs = (operation.inputs)(&mut Generator::new(29).fork(i as u64));
        for input in inputs.iter().filter(|input| input.dtype().is_float()) {
            input.requires_grad_(true);
        }
        let output = (operation.function)(&inputs);
        reached.extend(output.graph().into_iter().map(|recorded| recorded.rule.to_owned()));
        // Some rules belong to recorded gradients only.
        let leaves: Vec<&Tensor> = inputs.iter().filter(|input| input.requires_grad()).collect();
        let seed = output.ones_like().requires_grad_(true);
        let options = GradOptions { grad_outputs: Some(&[&seed]), create_graph: true, ..GradOptions::default() };
        for gradient in grad_with(&[&output], &leaves, options).into_iter().flatten().flatten() {
            reached.extend(gradient.graph().into_iter().map(|recorded| recorded.rule.to_owned()));
        }
    }
    let missing: Vec<_> = rules.iter().filter(|rule| !reached.iter().any(|seen| same_type(seen, rule))).collect();
    assert!(missing.is_empty(), "backward rules without a line in ops/registry.rs: {missing:?}");
}

/// Names without generic arguments.
fn same_type(a: &str, b: &str) -> bool {
    let plain = |name: &str| name.split('<').next().unwrap_or_default().to_owned();
    plain(a) == plain(b)
}

/// At a kink every subgradient passes; one outside does not, and a wrong slope elsewhere does not either.
#[test]
fn kinks_are_told_from_mistakes() {
    let inputs = [Tensor::from_slice(&[0.0_f64, -1.0, 2.0], &[3])];
    let x = &inputs[0];
    check_gradients(&inputs, |x| x[0].relu()).unwrap();
    check_gradients(&inputs, |x| x[0].abs()).unwrap();
    check_gradients(&inputs, |x| x[0].maximum(&x[0].neg())).unwrap();
    // The value of |x|, the gradient of 1.5 |x| or of x².
    let pretend = |x: &Tensor, value: Tensor, slope: Tensor| {
        let tangent = x.sub(&x.detach()).mul(&slope);
        value.detach().add(&tangent)
    };
    let steep = check_gradients(&inputs, |x| pretend(&x[0], x[0].abs(), x[0].detach().full_like(1.5)));
    assert_eq!(steep.unwrap_err().element, 0);
    let wrong = check_gradients(&inputs, |x| pretend(&x[0], x[0].abs(), x[0].detach().mul_scalar(2.0)));
    assert_eq!(wrong.unwrap_err().element, 1, "0 is a subgradient at the kink");
    let numeric = striate_tensor::gradient_check::numeric_gradient(x, |x| x.exp());
    assert!(numeric.sub(&x.exp()).abs().max_all().item::<f64>() < 1e-8);
}
