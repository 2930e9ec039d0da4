//! One contraction on made-up values: each candidate is checked against the naive kernel on the
//! same device, and only then timed.

use super::{Budget, Clock, KernelBench, ProgramError, Quantiles};
use crate::contraction::{
    Activated, Candidate, ContractionKey, Conv2d, Conv2dGradWeight, ConvTranspose2d, Family, Rung,
    naive, rounding,
};
use crate::gpu::{Gpu, Profile};
use crate::state::StateList;
use crate::tape::{LowerContext, Lowered, Op, Operand, ShapeError, TapeError};
use crate::tensor::{DType, Shape};

/// How large a trial is.
#[derive(Debug, Clone, Copy)]
pub struct TrialOptions {
    /// Bytes of inputs that launches use in turn: more than the device's last cache holds.
    pub rotated_bytes: u64,
    /// The most multiply-accumulates of the naive kernel, which takes seconds for a large layer on
    /// a CPU adapter. If a contraction has more, the naive kernel computes the first part of the
    /// result. In the rest a candidate must have written finite numbers over NaN.
    pub checked_macs: u64,
}

impl Default for TrialOptions {
    /// More than the last cache of a CPU or GPU, and a check of some ten milliseconds.
    fn default() -> Self {
        Self {
            rotated_bytes: 96 << 20,
            checked_macs: 20_000_000,
        }
    }
}

/// A contraction to try candidates on.
#[derive(Debug)]
pub struct Trial<'a> {
    key: ContractionKey,
    contraction: Activated,
    inputs: Vec<Operand>,
    output: Operand,
    profile: Profile,
    bench: KernelBench<'a>,
    /// The naive kernel's result, in logical order; NaN in the part that it did not compute.
    reference: Vec<f32>,
}

/// How far a candidate's result lies from the naive kernel's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Agreement {
    /// The largest difference; infinite where a value is not finite.
    pub difference: f32,
    /// The difference that summing in another order explains.
    pub tolerance: f32,
}

impl Agreement {
    /// Whether the candidate may be used.
    pub fn holds(&self) -> bool {
        self.difference <= self.tolerance
    }
}

impl<'a> Trial<'a> {
    /// Makes up values for `key` and computes the naive kernel's result.
    ///
    /// # Errors
    /// A contraction that does not fit the device, and what the driver reports.
    pub async fn new(
        gpu: &'a Gpu,
        clock: &Clock,
        key: &ContractionKey,
        options: &TrialOptions,
    ) -> Result<Self, ProgramError> {
        let contraction = operation(key);
        let shapes = input_shapes(key);
        let output = output_shape(key, &contraction, &shapes)?;
        // A third input is a bias, which is never f16.
        let dtypes = [key.dtype, key.dtype, DType::F32];
        // Maps of a key that is not aligned lie densely here all the same: its candidates load four
        // numbers at a time, which costs the same anywhere.
        let inputs: Vec<Operand> = (shapes.into_iter().zip(dtypes))
            .map(|(shape, dtype)| Operand::stored(shape, dtype))
            .collect();
        let output = Operand::stored(output, key.dtype);
        let bench = KernelBench::new(gpu, clock, &inputs, output, options.rotated_bytes)?;
        let mut trial = Self {
            key: *key,
            contraction,
            inputs,
            output,
            profile: gpu.profile().clone(),
            bench,
            reference: Vec::new(),
        };
        let mut lowered = trial.lower(&naive(key));
        let share = options.checked_macs as f64 / key.macs().max(1) as f64;
        for dispatch in &mut lowered.dispatches {
            dispatch.groups =
                ((dispatch.groups as f64 * share).ceil() as u64).clamp(1, dispatch.groups.max(1));
        }
        trial.reference = trial.result(&lowered).await?;
        Ok(trial)
    }

    /// The contraction.
    pub fn key(&self) -> &ContractionKey {
        &self.key
    }

    /// Compares a candidate's result with the naive kernel's.
    ///
    /// # Errors
    /// A kernel that cannot be built, and what the driver reports.
    pub async fn check(&self, candidate: &Candidate) -> Result<Agreement, ProgramError> {
        let result = self.result(&self.lower(candidate)).await?;
        let tolerance = self.tolerance(candidate);
        let unwritten = self.reference.iter().all(|value| value.is_nan())
            || result.iter().any(|value| !value.is_finite());
        let pairs = result
            .iter()
            .zip(&self.reference)
            .filter(|(_, reference)| !reference.is_nan());
        let difference = if unwritten {
            f32::INFINITY
        } else {
            pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
        };
        Ok(Agreement {
            difference,
            tolerance,
        })
    }

    /// What rounding explains: both results are sums of the same products in another order.
    fn tolerance(&self, candidate: &Candidate) -> f32 {
        let terms = self.key.terms();
        let sums = if candidate.rung == Rung::Winograd {
            // Beside which the naive kernel's own share is small.
            rounding::winograd(terms)
        } else {
            2.0 * rounding::sum(terms)
        } as f32;
        let known = self.reference.iter().filter(|value| !value.is_nan());
        match self.output.dtype {
            DType::F32 => sums,
            // Two results on either side of a border are stored one unit of the 11th bit apart.
            DType::F16 => sums + known.fold(0.0, |most: f32, value| most.max(value.abs())) / 1024.0,
        }
    }

    /// Times a candidate: seconds of one run, in several samples after a warm-up.
    ///
    /// # Errors
    /// A kernel that cannot be built, and what the driver reports.
    pub async fn time(
        &self,
        candidate: &Candidate,
        budget: &Budget,
    ) -> Result<Quantiles, ProgramError> {
        let Lowered {
            dispatches,
            scratch_bytes,
            ..
        } = self.lower(candidate);
        self.bench
            .time(&self.bench.bind(&dispatches, scratch_bytes)?, budget)
            .await
    }

    /// Bytes of inputs and output.
    pub fn bytes(&self) -> u64 {
        self.inputs
            .iter()
            .chain([&self.output])
            .map(Operand::bytes)
            .sum()
    }

    /// Changes an element of the naive result, so that no candidate agrees any more.
    #[cfg(test)]
    pub(crate) fn expect_something_else(&mut self) {
        self.reference[0] += 1.0;
    }

    async fn result(&self, lowered: &Lowered) -> Result<Vec<f32>, ProgramError> {
        self.bench
            .result(
                &self
                    .bench
                    .bind(&lowered.dispatches, lowered.scratch_bytes)?,
            )
            .await
    }

    fn lower(&self, candidate: &Candidate) -> Lowered {
        let context = LowerContext {
            inputs: &self.inputs,
            output: self.output,
            byproducts: &[],
            profile: &self.profile,
            states: &StateList::default(),
        };
        self.contraction.lower_with(candidate.clone(), &context)
    }
}

/// The operation of a key.
fn operation(key: &ContractionKey) -> Activated {
    let (geometry, transposed) = (key.geometry, key.transposed);
    match key.family {
        Family::Conv2d => Activated::unchanged(Conv2d {
            geometry,
            transposed_weight: transposed,
        }),
        Family::ConvTranspose2d => Activated::unchanged(ConvTranspose2d {
            geometry,
            out_height: key.large.height(),
            out_width: key.large.width(),
            transposed_weight: transposed,
            name: key.family.name(),
        }),
        Family::Conv2dGradWeight => Activated::unchanged(Conv2dGradWeight {
            geometry,
            transposed_output: transposed,
        }),
    }
}

/// The shapes of both operands, then of the bias if there is one.
fn input_shapes(key: &ContractionKey) -> Vec<Shape> {
    let weight = |from: Shape, to: Shape| {
        let [first, second] = if key.transposed {
            [to, from]
        } else {
            [from, to]
        };
        let kernel = key.geometry.kernel;
        Shape::hwio(kernel, kernel, first.channels(), second.channels())
    };
    let (large, small) = (key.large, key.small);
    let mut shapes = match key.family {
        Family::Conv2d => vec![large, weight(large, small)],
        Family::ConvTranspose2d => vec![small, weight(small, large)],
        Family::Conv2dGradWeight => vec![large, small],
    };
    if key.bias {
        shapes.push(Shape::vector(key.output().channels()));
    }
    shapes
}

/// The shape of the result.
///
/// # Errors
/// Maps that the geometry does not connect.
fn output_shape(
    key: &ContractionKey,
    contraction: &Activated,
    inputs: &[Shape],
) -> Result<Shape, TapeError> {
    let refuse = |source| TapeError::Shape {
        scope: format!("{key}: "),
        op: key.family.name(),
        source,
    };
    let output = contraction.output_shape(inputs).map_err(refuse)?;
    // The other families have both maps as inputs or as their output; a convolution's small map
    // only follows from its large one.
    if key.family == Family::Conv2d && output != key.small {
        return Err(refuse(ShapeError::Mismatch {
            what: "small map and what the large one convolves to",
            left: key.small,
            right: output,
        }));
    }
    Ok(output)
}
