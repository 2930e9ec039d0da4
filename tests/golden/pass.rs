//! A forward pass of a network, its gradients and its statistics, compared with a case.

use crate::case::{GoldenCase, Tensor};
use crate::checks::Checks;
use crate::layer::activation_shape;
use crate::networks::Network;
use crate::parameters::{self};
use crate::problem::Problem;
use pix2pix::gpu::Gpu;
use pix2pix::interop::{from_reference, to_reference};
use pix2pix::nn::{DropoutMode, Mode, StatisticsFrom, TestNorm, TestTime};
use pix2pix::program::{Program, Store};
use pix2pix::state::StateSpec;
use pix2pix::tape::{ArenaPart, StepState};
use pix2pix::tape::{Tape, Var};
use pix2pix::tensor::Shape;
use pollster::block_on;
use std::collections::BTreeMap;

/// A network with its parameters on the device, and what has been compared so far.
pub struct NetworkCase<'a> {
    pub gpu: &'a Gpu,
    pub case: &'a GoldenCase<'a>,
    pub network: Network,
    pub store: Store,
    pub input: Tensor,
    pub checks: Checks,
}

/// A tape of one forward pass and the values of its inputs.
#[derive(Default)]
struct RecordedPass {
    tape: Tape,
    inputs: Vec<(Var, Vec<f32>)>,
}

impl RecordedPass {
    fn input(&mut self, role: &str, tensor: &Tensor) -> Result<Var, Problem> {
        let shape = activation_shape(role, tensor)?;
        let var = self.tape.input(role, shape);
        self.inputs
            .push((var, from_reference(shape, false, &tensor.f32())));
        Ok(var)
    }

    /// Runs the tape once over `store` so that `outputs` can be read.
    fn run(&self, gpu: &Gpu, store: &Store, outputs: &[Var]) -> Result<Program, Problem> {
        let program = Program::compile(gpu, store, &self.tape, outputs)?;
        for (var, values) in &self.inputs {
            program.write(gpu, *var, values)?;
        }
        program.run(gpu, store, &StepState::new(1, 1, 0.0, [0.5, 0.999]))?;
        Ok(program)
    }

    /// An activation in the reference's layout.
    fn read(&self, gpu: &Gpu, program: &Program, var: Var) -> Result<Vec<f32>, Problem> {
        Ok(to_reference(
            self.tape.shape(var),
            false,
            &block_on(program.read(gpu, var))?,
        ))
    }
}

impl NetworkCase<'_> {
    /// Batch statistics, the case's dropout masks, gradients where there is a `gy`, running
    /// statistics.
    pub fn train(&mut self) -> Result<(), Problem> {
        let mut pass = RecordedPass::default();
        let input = pass.input("x", &self.input)?;
        let mut masks = BTreeMap::new();
        for module in self.case.roles("mask.") {
            let role = format!("mask.{module}");
            masks.insert(
                module.to_owned(),
                pass.input(&role, &self.case.tensor(&role)?)?,
            );
        }
        let dropout = if masks.is_empty() {
            DropoutMode::Off
        } else {
            DropoutMode::Given(masks)
        };
        let mode = Mode {
            statistics: StatisticsFrom::Batch,
            dropout,
        };
        let states = self.store.states().clone();
        let output = self
            .network
            .forward(&mut pass.tape, &states, input, &mode)?;
        let parameters: Vec<&StateSpec> = states
            .in_arena(self.network.parameters())
            .filter(|state| self.is_compared(state))
            .collect();
        let mut wrt: Vec<Var> = parameters
            .iter()
            .map(|state| pass.tape.state(&states, state.id))
            .collect();
        wrt.extend(self.case.has("gx").then_some(input));
        let mut outputs = vec![output];
        if self.case.has("gy") {
            let gy = pass.input("gy", &self.case.tensor("gy")?)?;
            outputs.extend(pass.tape.backward_from(output, gy, &wrt)?);
        }
        let program = pass.run(self.gpu, &self.store, &outputs)?;

        self.compare_output("y", &pass, &program, output)?;
        self.compare_gradients(&pass, &program, &parameters, &outputs[1..])?;
        for state in states.in_arena(self.network.statistics()) {
            let role = format!("after.{}", state.name);
            if self.case.has(&role) {
                let got = parameters::read(self.gpu, &self.store, state, ArenaPart::Value)?;
                self.checks
                    .network(&role, &got, &self.case.reference(&role)?)?;
            }
        }
        Ok(())
    }

    /// Those of `parameters`, and behind them that of the input where the case has it.
    fn compare_gradients(
        &mut self,
        pass: &RecordedPass,
        program: &Program,
        parameters: &[&StateSpec],
        gradients: &[Var],
    ) -> Result<(), Problem> {
        for (state, &gradient) in parameters.iter().zip(gradients) {
            let role = format!("grad.{}", state.name);
            let got = to_reference(
                state.shape,
                state.transposed,
                &block_on(program.read(self.gpu, gradient))?,
            );
            self.checks
                .network(&role, &got, &self.case.reference(&role)?)?;
        }
        if let Some(&gx) = gradients.get(parameters.len()) {
            self.checks.network(
                "gx",
                &pass.read(self.gpu, program, gx)?,
                &self.case.reference("gx")?,
            )?;
        }
        Ok(())
    }

    /// The output by the statistics of the batch; those of each image are the same where there is
    /// one.
    pub fn evaluate_by_batch(&mut self, role: &str) -> Result<(), Problem> {
        self.evaluate(role, TestNorm::Batch)?;
        if self.input.shape.first() == Some(&1) {
            self.evaluate(role, TestNorm::Image)
        } else {
            Ok(())
        }
    }

    /// The output without dropout, to be compared with `role`.
    pub fn evaluate(&mut self, role: &str, norm: TestNorm) -> Result<(), Problem> {
        let mut pass = RecordedPass::default();
        let input = pass.input("x", &self.input)?;
        let mode = TestTime {
            norm,
            dropout: false,
        }
        .mode();
        let output = self
            .network
            .forward(&mut pass.tape, self.store.states(), input, &mode)?;
        let program = pass.run(self.gpu, &self.store, &[output])?;
        self.compare_output(role, &pass, &program, output)
    }

    /// The reference's statistics, so that `y_eval` does not inherit an error of the pass before.
    pub fn load_statistics_after(&self) -> Result<(), Problem> {
        let states: Vec<&StateSpec> = self
            .store
            .states()
            .in_arena(self.network.statistics())
            .collect();
        match states
            .iter()
            .all(|state| self.case.has(&format!("after.{}", state.name)))
        {
            true => parameters::load(
                self.gpu,
                &self.store,
                self.case,
                self.network.statistics(),
                "after.",
            ),
            false => Ok(()),
        }
    }

    fn compare_output(
        &mut self,
        role: &str,
        pass: &RecordedPass,
        program: &Program,
        output: Var,
    ) -> Result<(), Problem> {
        let reference = self.case.reference(role)?;
        let (got, expected): (Shape, Shape) =
            (pass.tape.shape(output), activation_shape(role, &reference)?);
        if got != expected {
            return Err(Problem::Fail(format!(
                "{role} has the shape {got}, the reference {expected}"
            )));
        }
        self.checks
            .network(role, &pass.read(self.gpu, program, output)?, &reference)
    }

    fn is_compared(&self, state: &StateSpec) -> bool {
        self.case.has(&format!("grad.{}", state.name))
            && !parameters::is_noise(self.case, &state.name)
    }
}
