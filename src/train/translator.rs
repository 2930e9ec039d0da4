//! A generator ready to translate images of one size.

use super::error::TrainError;
use crate::data::{Batch, DataOptions, PairSet};
use crate::gpu::{Gpu, Profile};
use crate::nn::{Fit, Fitted, Generator, Mode};
use crate::ops::StepState;
use crate::program::{Plan, Program, Store};
use crate::state::StateList;
use crate::tape::{Tape, Var};
use crate::tensor::Shape;

/// Held-out pairs that are scored: enough for a stable mean, few enough not to slow the run.
const SCORED_PAIRS: usize = 100;
/// Images of a sample grid.
const SAMPLES: usize = 8;

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

/// Mean absolute distances over held-out pairs, in -1..1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// Of the generator's output.
    pub l1: f64,
    /// Of the input itself, where its channels mean the same.
    pub copy_l1: Option<f64>,
    /// Pairs scored.
    pub pairs: usize,
}

/// Inputs, outputs and targets of a grid as they are shown, `[batch, height, images * width, 3]` in -1..1.
#[derive(Debug, Clone, Default)]
pub struct Grid {
    /// Number of images.
    pub batch: usize,
    /// Input images.
    pub input: Vec<f32>,
    /// Generated images.
    pub output: Vec<f32>,
    /// Target images.
    pub target: Vec<f32>,
}

/// The forward pass on a tape, before any device.
#[derive(Debug)]
pub struct Forward {
    tape: Tape,
    fitted: Fitted,
    input: Var,
    output: Var,
}

impl Forward {
    /// Records the generator over images of `shape`, of any sides.
    ///
    /// # Errors
    /// Images that do not fit the network.
    pub fn record(states: &StateList, generator: &Generator, shape: Shape, fit: Fit, mode: &Mode) -> Result<Self, TrainError> {
        let fitted = fit.of(shape, generator.multiple());
        let mut tape = Tape::default();
        let input = tape.input("input", shape);
        let given = fitted.given(&mut tape, input)?;
        let output = generator.forward(&mut tape, states, given, mode)?;
        let output = fitted.result(&mut tape, output)?;
        Ok(Self { tape, fitted, input, output })
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
    pub fn new(gpu: &Gpu, store: &Store, generator: &Generator, shape: Shape, fit: Fit, mode: &Mode) -> Result<Self, TrainError> {
        let Forward { tape, fitted, input, output } = Forward::record(store.states(), generator, shape, fit, mode)?;
        let output_shape = tape.shape(output);
        let program = Program::compile(gpu, store, &tape, &[output])?;
        Ok(Self { program, shape, output_shape, fitted, input, output })
    }

    /// The compiled forward pass.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The shape of the results.
    pub fn output_shape(&self) -> Shape {
        self.output_shape
    }

    /// The part of images of the inputs' size, `[batch, height, width, channels]`, that the results show.
    pub fn shown(&self, images: &[f32]) -> Vec<f32> {
        let pixels = self.shape.with_channels(1).len();
        self.fitted.shown_of(images, self.shape.with_channels(images.len() / pixels.max(1)))
    }

    /// Translates images in -1..1, NHWC, tightly packed; `seed` draws the dropout masks, if there are any. Waits for the result.
    ///
    /// # Errors
    /// Those of running and reading back.
    pub fn translate(&self, gpu: &Gpu, store: &Store, images: &[f32], seed: u64) -> Result<Vec<f32>, TrainError> {
        self.program.write(gpu, self.input, images)?;
        self.program.run(gpu, store, &StepState::new(seed, 0, 0.0, [0.0; 2]))?;
        Ok(self.program.read(gpu, self.output)?)
    }

    /// Translates the first `pairs` of `set`, as many at a time as the program takes, and hands each with its output to `take`.
    fn each_pair(
        &self,
        gpu: &Gpu,
        store: &Store,
        set: &PairSet,
        pairs: usize,
        mut take: impl FnMut(&[f32], &[f32], &[f32]),
    ) -> Result<(), TrainError> {
        let batch = self.shape.batch();
        let of_one = |values: &[f32]| (values.len() / batch).max(1);
        for first in (0..pairs).step_by(batch) {
            // A short last batch is filled up from the front.
            let indices: Vec<usize> = (first..first + batch).map(|index| index % pairs).collect();
            let Batch { input, target } = set.plain(&indices)?;
            let output = self.translate(gpu, store, &input, 0)?;
            let [input, target] = [input, target].map(|images| self.shown(&images));
            let images = input.chunks(of_one(&input)).zip(output.chunks(of_one(&output))).zip(target.chunks(of_one(&target)));
            images.take(pairs - first).for_each(|((input, output), target)| take(input, output, target));
        }
        Ok(())
    }

    /// Scores the first pairs of `held_out`, as many images at a time as the program takes.
    ///
    /// # Errors
    /// Those of loading and translating.
    pub fn score(&self, gpu: &Gpu, store: &Store, held_out: &PairSet) -> Result<Score, TrainError> {
        let pairs = held_out.len().min(SCORED_PAIRS);
        let (mut l1, mut copy_l1) = (0.0, 0.0);
        let options = held_out.options();
        let comparable = options.input == options.target;
        self.each_pair(gpu, store, held_out, pairs, |input, output, target| {
            l1 += mean_distance(output, target) / pairs as f64;
            copy_l1 += if comparable { mean_distance(input, target) / pairs as f64 } else { 0.0 };
        })?;
        Ok(Score { l1, copy_l1: comparable.then_some(copy_l1), pairs })
    }

    /// Translates the first pairs of `set` for a sample grid.
    ///
    /// # Errors
    /// Those of loading and translating.
    pub fn grid(&self, gpu: &Gpu, store: &Store, set: &PairSet) -> Result<Grid, TrainError> {
        let mut grid = Grid { batch: set.len().min(SAMPLES), ..Grid::default() };
        let DataOptions { input: of_input, target: of_target, .. } = set.options();
        let width = self.output_shape.width();
        self.each_pair(gpu, store, set, grid.batch, |input, output, target| {
            grid.output.extend(of_target.shown_in_rows(output, input, width));
            grid.target.extend(of_target.shown_in_rows(target, input, width));
            grid.input.extend(of_input.shown_in_rows(input, input, width));
        })?;
        Ok(grid)
    }
}

fn mean_distance(left: &[f32], right: &[f32]) -> f64 {
    let sum: f64 = left.iter().zip(right).map(|(a, b)| f64::from((a - b).abs())).sum();
    sum / left.len().max(1) as f64
}
