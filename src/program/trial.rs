//! One contraction on made-up values: each candidate is checked against the naive kernel on the same device, and only then timed.
//!
//! The naive kernel of a large layer takes seconds on a CPU adapter, so it computes the first part of the result only, up to
//! [`CHECKED_MACS`]; behind it a candidate must have written finite numbers over the NaN that the result was filled with.

use super::{Program, ProgramError, Store};
use crate::gpu::{Gpu, Profile};
use crate::ops::StepState;
use crate::ops::choice::{Candidate, ContractionKey, Family, candidates};
use crate::state::StateList;
use crate::tape::{Tape, Var};
use crate::tensor::Shape;
use std::time::{Duration, Instant};

/// Multiply-accumulates that the naive kernel does at most.
const CHECKED_MACS: u64 = 20_000_000;
/// Inputs and outputs of a timed candidate rotate over copies of at least so many bytes together: more than a CPU's or GPU's cache holds.
const ROTATED_BYTES: u64 = 96 << 20;
/// Most copies.
const MOST_COPIES: u64 = 6;
/// Seconds that one measured group of runs takes at least, so that the host's clock and its waiting do not count.
const LEAST_SECONDS: f64 = 0.002;
/// Measured groups, when the budget allows.
const MOST_GROUPS: usize = 15;

/// A contraction to try candidates on.
#[derive(Debug)]
pub struct Trial<'a> {
    gpu: &'a Gpu,
    key: ContractionKey,
    tape: Tape,
    inputs: Vec<Var>,
    output: Var,
    values: Vec<Vec<f32>>,
    /// The first values of the result by the naive kernel, in logical order.
    reference: Vec<f32>,
}

/// How far a candidate's result lies from the naive kernel's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Agreement {
    /// The largest difference; infinite where a value is not finite.
    pub difference: f32,
    /// What the rounding of sums in another order explains.
    pub tolerance: f32,
}

impl Agreement {
    /// Whether the candidate may be used.
    pub fn holds(&self) -> bool {
        self.difference <= self.tolerance
    }
}

/// Seconds of one launch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timing {
    /// Median over the measured groups.
    pub median: f64,
    /// The fastest group.
    pub min: f64,
    /// The slowest group.
    pub max: f64,
}

impl<'a> Trial<'a> {
    /// Makes up values for `key` and computes the naive kernel's result.
    ///
    /// # Errors
    /// A contraction that does not fit the device, and what the driver reports.
    pub fn new(gpu: &'a Gpu, key: ContractionKey) -> Result<Self, ProgramError> {
        let (tape, inputs, output) = key.record()?;
        let values = inputs.iter().enumerate().map(|(seed, &input)| made_up(tape.shape(input), seed as u32)).collect();
        let mut trial = Self { gpu, key, tape, inputs, output, values, reference: Vec::new() };
        let Some(naive) = candidates(&key, gpu.profile()).into_iter().next() else { return Ok(trial) };
        let share = (CHECKED_MACS as f64 / key.macs().max(1) as f64).min(1.0);
        let result = trial.result(&naive, share)?;
        trial.reference = result.into_iter().take_while(|value| value.is_finite()).collect();
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
        let result = self.result(candidate, 1.0)?;
        let terms = match self.key.family {
            Family::Conv2dGradWeight => self.key.small.rows(),
            Family::Conv2d => self.key.large.channels() * self.key.geometry.kernel.pow(2),
            Family::ConvTranspose2d => self.key.small.channels() * self.key.geometry.kernel.pow(2),
        };
        // Both are sums of so many products of values within -1..1, added in different orders.
        let tolerance = f32::EPSILON * (terms as f32 + 16.0);
        let unwritten = result.iter().any(|value| !value.is_finite()) || result.len() < self.reference.len() || self.reference.is_empty();
        let pairs = result.iter().zip(&self.reference);
        let difference = if unwritten { f32::INFINITY } else { pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) };
        Ok(Agreement { difference, tolerance })
    }

    /// Times a candidate for about `budget`, at least two groups of runs after a warm-up.
    ///
    /// # Errors
    /// A kernel that cannot be built, and what the driver reports.
    pub fn time(&self, candidate: &Candidate, budget: Duration) -> Result<Timing, ProgramError> {
        let profile = self.profile_for(candidate);
        let store = Store::new(self.gpu, StateList::default(), false)?;
        let copies = ROTATED_BYTES.div_ceil(self.bytes()).clamp(1, MOST_COPIES);
        let programs = (0..copies).map(|_| self.compile(&profile, &store)).collect::<Result<Vec<_>, _>>()?;
        let step = StepState::new(0, 1, 0.0, [0.0; 2]);
        let mut next = programs.iter().cycle();
        let mut group = |runs: usize| -> Result<f64, ProgramError> {
            let began = Instant::now();
            for program in next.by_ref().take(runs) {
                program.run(self.gpu, &store, &step)?;
            }
            self.gpu.wait()?;
            Ok(began.elapsed().as_secs_f64() / runs as f64)
        };
        // The first run compiles the kernel on some drivers, and every copy touches its memory once.
        group(programs.len())?;
        let estimate = group(1)?;
        let runs = (LEAST_SECONDS / estimate.max(1e-7)).ceil().max(1.0) as usize;
        let began = Instant::now();
        let mut seconds = vec![group(runs)?];
        while seconds.len() < 2 || (seconds.len() < MOST_GROUPS && began.elapsed() < budget) {
            seconds.push(group(runs)?);
        }
        seconds.sort_by(f64::total_cmp);
        let at = |i: usize| seconds.get(i).copied().unwrap_or(f64::NAN);
        Ok(Timing { median: (at((seconds.len() - 1) / 2) + at(seconds.len() / 2)) / 2.0, min: at(0), max: at(seconds.len() - 1) })
    }

    /// Bytes of inputs and output.
    pub fn bytes(&self) -> u64 {
        self.inputs.iter().chain([&self.output]).map(|&var| self.tape.shape(var).bytes()).sum()
    }

    fn profile_for(&self, candidate: &Candidate) -> Profile {
        let mut profile = self.gpu.profile().clone();
        profile.forced.clear();
        profile.tuned = [(self.key.to_string(), candidate.name.clone())].into();
        profile
    }

    /// A program of this contraction alone, its inputs uploaded.
    fn compile(&self, profile: &Profile, store: &Store) -> Result<Program, ProgramError> {
        let program = Program::compile_for(self.gpu, profile, store, &self.tape, &[self.output])?;
        for (&input, values) in self.inputs.iter().zip(&self.values) {
            program.write(self.gpu, input, values)?;
        }
        Ok(program)
    }

    /// The result of a candidate's first `share` of workgroups, over NaN.
    fn result(&self, candidate: &Candidate, share: f64) -> Result<Vec<f32>, ProgramError> {
        let store = Store::new(self.gpu, StateList::default(), false)?;
        let mut program = self.compile(&self.profile_for(candidate), &store)?;
        program.fill(self.gpu, self.output, f32::NAN)?;
        if share < 1.0 {
            program.keep_first(share);
        }
        program.run(self.gpu, &store, &StepState::new(0, 1, 0.0, [0.0; 2]))?;
        program.read(self.gpu, self.output)
    }
}

/// Values in -1..1 that look random, the same for the same seed.
fn made_up(shape: Shape, seed: u32) -> Vec<f32> {
    let value = |i: usize| {
        let mixed = (i as u32 ^ seed.wrapping_mul(0x9E37_79B9)).wrapping_mul(0x85EB_CA6B);
        let mixed = (mixed ^ (mixed >> 13)).wrapping_mul(0xC2B2_AE35);
        (mixed ^ (mixed >> 16)) as f32 / u32::MAX as f32 * 2.0 - 1.0
    };
    (0..shape.len()).map(value).collect()
}
