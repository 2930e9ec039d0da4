//! A tape under test: inputs and states by role, results by role, and the comparison after one run.

use crate::case::{GoldenCase, Tensor};
use crate::checks::Checks;
use crate::problem::Problem;
use pix2pix::gpu::Gpu;
use pix2pix::interop::{from_reference, reference_shape, to_reference};
use pix2pix::program::{Program, Store};
use pix2pix::state::{ArenaId, Init, StateId, StateList};
use pix2pix::tape::{ArenaPart, StepState};
use pix2pix::tape::{Tape, Var};
use pix2pix::tensor::Shape;
use pollster::block_on;
use std::collections::HashMap;

/// `[batch, channels, height, width]` as an image, `[channels]` as a vector.
pub fn activation_shape(role: &str, tensor: &Tensor) -> Result<Shape, Problem> {
    match tensor.shape[..] {
        [batch, channels, height, width] => Ok(Shape::nhwc(batch, height, width, channels)),
        [channels] => Ok(Shape::vector(channels)),
        _ => Err(Problem::Fail(format!(
            "tensor {role} has the shape {:?}, not one or four axes",
            tensor.shape
        ))),
    }
}

/// One layer on a tape, built from the tensors of a case.
#[derive(Debug)]
pub struct Layer<'a> {
    /// The case.
    pub case: &'a GoldenCase<'a>,
    /// The tape to record on.
    pub tape: Tape,
    /// Running statistics.
    pub states: StateList,
    statistics: ArenaId,
    inputs: Vec<(Var, Vec<f32>)>,
    initial: Vec<(StateId, Vec<f32>)>,
    /// Weights of transposed convolutions: they and their gradients have another layout in the
    /// reference.
    transposed: HashMap<Var, bool>,
    results: Vec<(String, Var)>,
    final_states: Vec<(String, StateId)>,
}

impl<'a> Layer<'a> {
    /// An empty tape.
    pub fn new(case: &'a GoldenCase<'a>) -> Self {
        let mut states = StateList::default();
        let statistics = states.arena("statistics", false);
        Self {
            case,
            tape: Tape::default(),
            states,
            statistics,
            inputs: Vec::new(),
            initial: Vec::new(),
            transposed: HashMap::new(),
            results: Vec::new(),
            final_states: Vec::new(),
        }
    }

    /// An activation or vector as an input of the tape.
    pub fn input(&mut self, role: &str) -> Result<Var, Problem> {
        let tensor = self.case.tensor(role)?;
        let shape = activation_shape(role, &tensor)?;
        Ok(self.push(role, shape, false, &tensor))
    }

    /// The same, where the case has it.
    pub fn optional(&mut self, role: &str) -> Result<Option<Var>, Problem> {
        if self.case.has(role) {
            self.input(role).map(Some)
        } else {
            Ok(None)
        }
    }

    /// A convolution's weight, or a transposed convolution's.
    pub fn weight(&mut self, role: &str, transposed: bool) -> Result<Var, Problem> {
        let tensor = self.case.tensor(role)?;
        let shape = match (&tensor.shape[..], transposed) {
            (&[out_channels, in_channels, height, width], false) => {
                Shape::hwio(height, width, in_channels, out_channels)
            }
            (&[in_channels, out_channels, height, width], true) => {
                Shape::hwio(height, width, in_channels, out_channels)
            }
            _ => {
                return Err(Problem::Fail(format!(
                    "tensor {role} has the shape {:?}, not four axes",
                    tensor.shape
                )));
            }
        };
        Ok(self.push(role, shape, transposed, &tensor))
    }

    /// A running statistic.
    pub fn state(&mut self, role: &str) -> Result<StateId, Problem> {
        let tensor = self.case.tensor(role)?;
        let id = self.states.add(
            self.statistics,
            role.to_owned(),
            Shape::vector(tensor.values.len()),
            Init::Constant(0.0),
        );
        self.initial.push((id, tensor.f32()));
        Ok(id)
    }

    /// The present value of a running statistic.
    pub fn read_state(&mut self, id: StateId) -> Var {
        self.tape.state(&self.states, id)
    }

    /// A value to be compared with the tensor `role`.
    pub fn expect(&mut self, role: &str, var: Var) {
        self.results.push((role.to_owned(), var));
    }

    /// A state to be compared with the tensor `role` after the run.
    pub fn expect_state(&mut self, role: &str, id: StateId) {
        self.final_states.push((role.to_owned(), id));
    }

    /// Records the gradients of `output`, given that of the output in `gy` (one for a loss, which
    /// has none), with respect to each value that the case has a gradient of, under the gradient's
    /// role.
    pub fn gradients(&mut self, output: Var, of: &[(&str, Var)]) -> Result<(), Problem> {
        let of: Vec<&(&str, Var)> = of.iter().filter(|(role, _)| self.case.has(role)).collect();
        if of.is_empty() {
            return Ok(());
        }
        let wrt: Vec<Var> = of.iter().map(|(_, var)| *var).collect();
        let gradients = match self.optional("gy")? {
            Some(gy) => self.tape.backward_from(output, gy, &wrt)?,
            None => self.tape.backward(output, &wrt)?,
        };
        for ((role, var), gradient) in of.into_iter().zip(gradients) {
            let transposed = self.is_transposed(*var);
            self.transposed.insert(gradient, transposed);
            self.expect(role, gradient);
        }
        Ok(())
    }

    /// Runs the tape once and compares everything that was expected.
    pub fn run(self, gpu: &Gpu) -> Result<Checks, Problem> {
        let store = Store::new(gpu, self.states.clone(), false)?;
        for (id, values) in &self.initial {
            store.write(gpu, *id, ArenaPart::Value, values)?;
        }
        let outputs: Vec<Var> = self.results.iter().map(|(_, var)| *var).collect();
        let program = Program::compile(gpu, &store, &self.tape, &outputs)?;
        // An input that no result depends on has no memory.
        let live = |var: &Var| {
            self.tape
                .nodes()
                .iter()
                .any(|node| node.inputs.contains(var))
        };
        for (var, values) in self.inputs.iter().filter(|(var, _)| live(var)) {
            program.write(gpu, *var, values)?;
        }
        program.run(gpu, &store, &StepState::new(1, 1, 0.0, [0.5, 0.999]))?;
        let mut checks = Checks::default();
        for (role, var) in &self.results {
            let got = block_on(program.read(gpu, *var))?;
            let shape = self.tape.shape(*var);
            let (reference, transposed) = (self.case.reference(role)?, self.is_transposed(*var));
            same_shape(role, &reference_shape(shape, transposed), &reference)?;
            checks.layer(role, &to_reference(shape, transposed, &got), &reference)?;
        }
        for (role, id) in &self.final_states {
            checks.layer(
                role,
                &block_on(store.read(gpu, *id, ArenaPart::Value))?,
                &self.case.reference(role)?,
            )?;
        }
        Ok(checks)
    }

    fn push(&mut self, role: &str, shape: Shape, transposed: bool, tensor: &Tensor) -> Var {
        let var = self.tape.input(role, shape);
        self.inputs
            .push((var, from_reference(shape, transposed, &tensor.f32())));
        self.transposed.insert(var, transposed);
        var
    }

    fn is_transposed(&self, var: Var) -> bool {
        self.transposed.get(&var).copied().unwrap_or(false)
    }
}

/// Fails unless both shapes agree but for axes of one element: a scalar of ours has one axis, the
/// reference's none or one.
pub fn same_shape(role: &str, got: &[usize], reference: &Tensor) -> Result<(), Problem> {
    let squeeze = |shape: &[usize]| {
        shape
            .iter()
            .copied()
            .filter(|&size| size != 1)
            .collect::<Vec<_>>()
    };
    if squeeze(got) == squeeze(&reference.shape) {
        return Ok(());
    }
    Err(Problem::Fail(format!(
        "{role} has the shape {got:?}, the reference {:?}",
        reference.shape
    )))
}
