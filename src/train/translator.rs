//! A generator ready to translate images of one size.

use super::config::ModelConfig;
use super::error::TrainError;
use crate::gpu::{Gpu, Profile};
use crate::nn::{Fit, Fitted, Generator, Mode};
use crate::program::{Plan, Program, Store, Workspace};
use crate::state::StateList;
use crate::tape::StepState;
use crate::tape::{Tape, Var};
use crate::tensor::Shape;
use std::sync::Arc;

/// The forward pass as a program over a store.
#[derive(Debug)]
pub struct Translator {
    program: Program,
    shape: Shape,
    output_shape: Shape,
    fitted: Fitted,
    input: Var,
    output: Var,
}

/// The forward pass on a tape, before any device.
#[derive(Debug)]
pub struct Forward {
    /// The pass.
    pub tape: Tape,
    fitted: Fitted,
    /// The images.
    pub input: Var,
    /// The result.
    pub output: Var,
}

impl Forward {
    /// Records the generator over images of `shape`, of any sides.
    ///
    /// # Errors
    /// No images, and images that the fit leaves nothing of.
    pub fn record(
        states: &StateList,
        generator: &Generator,
        shape: Shape,
        fit: Fit,
        mode: &Mode,
    ) -> Result<Self, TrainError> {
        ModelConfig::check_batch(shape.batch())?;
        let least = fit.least_side(generator.multiple());
        if shape.height().min(shape.width()) < least {
            return Err(TrainError::NothingLeft {
                width: shape.width(),
                height: shape.height(),
                least,
            });
        }
        let fitted = fit.of(shape, generator.config());
        let mut tape = Tape::default();
        let input = tape.input("input", shape);
        let given = fitted.given(&mut tape, input)?;
        let output = generator.forward(&mut tape, states, given, mode)?;
        let output = fitted.result(&mut tape, output)?;
        Ok(Self {
            tape,
            fitted,
            input,
            output,
        })
    }

    /// Its memory and launches.
    ///
    /// # Errors
    /// Images that do not fit the device.
    pub fn plan(&self, states: &StateList, profile: &Profile) -> Result<Plan, TrainError> {
        Ok(Plan::new(&self.tape, states, &[self.output], profile)?)
    }
}

impl Translator {
    /// Compiles the forward pass for images of `shape`.
    ///
    /// # Errors
    /// Images that do not fit the network or the device.
    pub fn new(
        gpu: &Gpu,
        store: &Store,
        generator: &Generator,
        shape: Shape,
        fit: Fit,
        mode: &Mode,
    ) -> Result<Self, TrainError> {
        let forward = Forward::record(store.states(), generator, shape, fit, mode)?;
        Self::of_forward(gpu, store, forward)
    }

    /// Compiles a forward pass in a workspace of its own.
    pub(super) fn of_forward(
        gpu: &Gpu,
        store: &Store,
        forward: Forward,
    ) -> Result<Self, TrainError> {
        let program = Program::compile(gpu, store, &forward.tape, &[forward.output])?;
        Ok(Self::of(program, forward))
    }

    /// As [`Translator::new`], in a workspace that it shares with other programs.
    pub(super) fn in_workspace(
        gpu: &Gpu,
        store: &Store,
        forward: Forward,
        workspace: Arc<Workspace>,
    ) -> Result<Self, TrainError> {
        let program = Program::compile_in(gpu, store, &forward.tape, &[forward.output], workspace)?;
        Ok(Self::of(program, forward))
    }

    fn of(
        program: Program,
        Forward {
            tape,
            fitted,
            input,
            output,
        }: Forward,
    ) -> Self {
        Self {
            program,
            shape: tape.shape(input),
            output_shape: tape.shape(output),
            fitted,
            input,
            output,
        }
    }

    /// The compiled forward pass.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The shape of the results.
    pub fn output_shape(&self) -> Shape {
        self.output_shape
    }

    /// The part of `images` that the results show. The images have the size of the inputs, `[batch,
    /// height, width, channels]`.
    pub fn shown(&self, images: &[f32]) -> Vec<f32> {
        let pixels = self.shape.with_channels(1).len();
        self.fitted.shown_of(
            images,
            self.shape.with_channels(images.len() / pixels.max(1)),
        )
    }

    /// Translates images in -1..1, NHWC, without pad lanes. `seed` draws the dropout masks, if
    /// there are any. Waits for the result.
    ///
    /// # Errors
    /// Those of running and reading back.
    pub async fn translate(
        &self,
        gpu: &Gpu,
        store: &Store,
        images: &[f32],
        seed: u64,
    ) -> Result<Vec<f32>, TrainError> {
        self.program.write(gpu, self.input, images)?;
        self.program
            .run(gpu, store, &StepState::new(seed, 0, 0.0, [0.0; 2]))?;
        Ok(self.program.read(gpu, self.output).await?)
    }
}
