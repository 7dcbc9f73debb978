//! Panics say what is wrong, at the line of the call. Alone in its program: the hook that notes the line is global.

use std::panic::{AssertUnwindSafe, catch_unwind};

use striate_nn::optim::{Adam, Sgd};
use striate_nn::{Context, Linear, Module, loss};
use striate_tensor::random::Generator;
use striate_tensor::{DType, Tensor};

#[test]
fn mistakes_are_noticed_where_they_are_made() {
    let linear = Linear::new(2, 3, &mut Generator::new(0));
    let parameters = linear.named_parameters();
    let twice = [parameters.clone(), parameters.clone()].concat();
    let noticed = |call: &dyn Fn()| {
        static PLACE: std::sync::Mutex<String> = std::sync::Mutex::new(String::new());
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(|info| {
            *PLACE.lock().unwrap() = info.location().map(|place| place.file().to_owned()).unwrap_or_default();
        }));
        let message = *catch_unwind(AssertUnwindSafe(call)).unwrap_err().downcast::<String>().unwrap();
        std::panic::set_hook(before);
        assert!(PLACE.lock().unwrap().ends_with("mistakes.rs"), "{message}: at {}", PLACE.lock().unwrap());
        message
    };
    let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32);
    let table: [(&dyn Fn(), &str); 7] = [
        (&|| drop(linear.forward(&zeros(&[4, 5]), &Context::eval())), "linear: input [4, 5] has 5 features"),
        (&|| drop(Adam::new(twice.clone(), 0.1)), "`weight` and `weight` are one parameter"),
        (&|| drop(Sgd::new(parameters.clone(), -0.1)), "the learning rate is -0.1"),
        (&|| drop(Adam::new(parameters.clone(), 0.1).betas(1.5, 0.9)), "betas are [1.5, 0.9]"),
        (&|| drop(loss::mse_loss(&zeros(&[2]), &Tensor::from_slice(&[0_i64, 1], &[2]))), "the target holds i64"),
        (
            &|| drop(loss::cross_entropy(&zeros(&[4, 7, 3]), &Tensor::zeros(&[4, 7], DType::I64))),
            "the classes are dimension 1 of the input, here they look like the last",
        ),
        (
            &|| drop(zeros(&[5, 2]).embedding(&Tensor::from_slice(&[7_i64], &[1]))),
            "embedding: index 7 is out of range for a dimension of size 5",
        ),
    ];
    for (call, expected) in table {
        let message = noticed(call);
        assert!(message.contains(expected), "expected `{expected}` in:\n{message}");
    }
}
