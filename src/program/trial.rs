//! One contraction on made-up values: each candidate is checked against the naive kernel on the
//! same device, and only then timed.

use super::{Budget, Clock, KernelBench, ProgramError, Quantiles};
use crate::contraction::winograd;
use crate::contraction::{Candidate, ContractionKey, Family, candidates};
use crate::gpu::{Gpu, Profile};
use crate::state::StateList;
use crate::tape::Source;
use crate::tape::{LowerContext, Lowered, Op, Operand};
use crate::tensor::DType;
use std::sync::Arc;

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
    op: Arc<dyn Op>,
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
    pub fn new(
        gpu: &'a Gpu,
        clock: &Clock,
        key: &ContractionKey,
        options: &TrialOptions,
    ) -> Result<Self, ProgramError> {
        let (tape, inputs, output) = key.record()?;
        let Source::Op(op) = tape.nodes()[output.0].source.clone() else {
            return Err(ProgramError::Absent { var: output.0 });
        };
        // A third input is a bias, which is never f16.
        let stored = |(i, &input)| {
            Operand::stored(
                tape.shape(input),
                if i < 2 { key.dtype } else { DType::F32 },
            )
        };
        let inputs: Vec<Operand> = inputs.iter().enumerate().map(stored).collect();
        let output = Operand::stored(
            tape.shape(output),
            if op.is_precise() {
                DType::F32
            } else {
                key.dtype
            },
        );
        let bench = KernelBench::new(gpu, clock, &inputs, output, options.rotated_bytes)?;
        let mut trial = Self {
            key: *key,
            op,
            inputs,
            output,
            profile: gpu.profile().clone(),
            bench,
            reference: Vec::new(),
        };
        if let Some(naive) = candidates(key, gpu.profile()).first() {
            let mut lowered = trial.lower(naive);
            let share = options.checked_macs as f64 / key.macs().max(1) as f64;
            for dispatch in &mut lowered.dispatches {
                dispatch.groups = ((dispatch.groups as f64 * share).ceil() as u64)
                    .clamp(1, dispatch.groups.max(1));
            }
            trial.reference = trial.result(&lowered)?;
        }
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
    pub fn check(&self, candidate: &Candidate) -> Result<Agreement, ProgramError> {
        let result = self.result(&self.lower(candidate))?;
        let terms = match self.key.family {
            Family::Conv2dGradWeight => self.key.small.rows(),
            Family::Conv2d => self.key.large.channels() * self.key.geometry.kernel.pow(2),
            Family::ConvTranspose2d => self.key.small.channels() * self.key.geometry.kernel.pow(2),
        };
        // Both are sums of so many products of values within -1..1, added in different orders; by
        // way of Winograd's points rounding counts more (kernels-tests/lib/ says how much).
        let terms = terms as f32;
        let by_points = winograd::is_rung(&candidate.kernel);
        let sums = f32::EPSILON
            * if by_points {
                24.0 * terms.sqrt() + 1.3 * terms
            } else {
                terms + 16.0
            };
        let largest = self
            .reference
            .iter()
            .filter(|value| !value.is_nan())
            .fold(0.0, |most: f32, value| most.max(value.abs()));
        let tolerance = match self.output.dtype {
            DType::F32 => sums,
            // Two results on either side of a border are stored one unit of the 11th bit apart.
            DType::F16 => sums + largest / 1024.0,
        };
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

    /// Times a candidate: seconds of one run, in several samples after a warm-up.
    ///
    /// # Errors
    /// A kernel that cannot be built, and what the driver reports.
    pub fn time(&self, candidate: &Candidate, budget: &Budget) -> Result<Quantiles, ProgramError> {
        let Lowered {
            dispatches,
            scratch_bytes,
            ..
        } = self.lower(candidate);
        self.bench
            .time(&self.bench.bind(&dispatches, scratch_bytes)?, budget)
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

    fn result(&self, lowered: &Lowered) -> Result<Vec<f32>, ProgramError> {
        self.bench.result(
            &self
                .bench
                .bind(&lowered.dispatches, lowered.scratch_bytes)?,
        )
    }

    fn lower(&self, candidate: &Candidate) -> Lowered {
        let mut profile = self.profile.clone();
        profile.forced.clear();
        profile.tuned = [(self.key.to_string(), candidate.name.clone())].into();
        let states = StateList::default();
        self.op.lower(&LowerContext {
            inputs: &self.inputs,
            output: self.output,
            byproducts: &[],
            slopes: [1.0; 2],
            profile: &profile,
            states: &states,
        })
    }
}
