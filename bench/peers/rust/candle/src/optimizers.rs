//! candle has no Adadelta and no momentum: written with its tensor operations, as a user must.

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor, Var};

pub struct Adadelta {
    parameters: Vec<(Var, Tensor, Tensor)>,
    lr: f64,
}

impl Adadelta {
    pub fn new(parameters: Vec<Var>, lr: f64) -> Result<Self> {
        let with_memories = |parameter: Var| {
            let zeros = parameter.zeros_like()?;
            Ok((parameter, zeros.clone(), zeros))
        };
        Ok(Self { parameters: parameters.into_iter().map(with_memories).collect::<Result<_>>()?, lr })
    }

    pub fn step(&mut self, gradients: &GradStore) -> Result<()> {
        let (rho, epsilon) = (0.9, 1e-6);
        for (parameter, square_avg, acc_delta) in &mut self.parameters {
            let Some(gradient) = gradients.get(parameter) else { continue };
            *square_avg = ((&*square_avg * rho)? + (gradient.sqr()? * (1.0 - rho))?)?;
            let deviation = (&*square_avg + epsilon)?.sqrt()?;
            let delta = ((&*acc_delta + epsilon)?.sqrt()?.div(&deviation)? * gradient)?;
            *acc_delta = ((&*acc_delta * rho)? + (delta.sqr()? * (1.0 - rho))?)?;
            parameter.set(&(parameter.as_tensor() - (delta * self.lr)?)?)?;
        }
        Ok(())
    }
}

pub struct Momentum {
    parameters: Vec<(Var, Tensor)>,
    lr: f64,
    momentum: f64,
    weight_decay: f64,
}

impl Momentum {
    pub fn new(parameters: Vec<Var>, lr: f64, momentum: f64, weight_decay: f64) -> Result<Self> {
        let with_velocity = |parameter: Var| {
            let zeros = parameter.zeros_like()?;
            Ok((parameter, zeros))
        };
        let parameters = parameters.into_iter().map(with_velocity).collect::<Result<_>>()?;
        Ok(Self { parameters, lr, momentum, weight_decay })
    }

    pub fn step(&mut self, gradients: &GradStore) -> Result<()> {
        for (parameter, velocity) in &mut self.parameters {
            let Some(gradient) = gradients.get(parameter) else { continue };
            let gradient = (gradient + (parameter.as_tensor() * self.weight_decay)?)?;
            *velocity = ((&*velocity * self.momentum)? + gradient)?;
            parameter.set(&(parameter.as_tensor() - (&*velocity * self.lr)?)?)?;
        }
        Ok(())
    }
}
