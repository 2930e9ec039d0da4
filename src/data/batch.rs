//! One batch: which pairs make it, and their numbers as the device takes them.

use super::augment::{Chance, Jitter};
use super::error::DataError;
use super::pixels::Pixels;
use super::preprocess::{DataOptions, Pair};

/// One pair of a batch, with its random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Index of the pair in its split.
    pub pair: usize,
    /// Crop and mirroring.
    pub chance: Chance,
}

/// Pairs of one size ready for the device: NHWC, tightly packed,
/// `[batch, height, width, channels]`, in -1..1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Width and height of its images, in pixels.
    pub sides: (u32, u32),
    /// What the generator is given.
    pub input: Vec<f32>,
    /// What it should make of it.
    pub target: Vec<f32>,
}

impl Batch {
    /// An empty batch with room for `batch_size` pairs of this width and height.
    pub(super) fn with_capacity(
        batch_size: usize,
        sides: (u32, u32),
        options: &DataOptions,
    ) -> Self {
        let pixels = batch_size * sides.0 as usize * sides.1 as usize;
        let room = |side: &Pixels| Vec::with_capacity(pixels * side.channels());
        Self {
            sides,
            input: room(&options.input),
            target: room(&options.target),
        }
    }

    /// Appends the same crop of both images of a pair.
    pub(super) fn push(
        &mut self,
        (input, target): &Pair,
        jitter: Jitter,
        options: &DataOptions,
    ) -> Result<(), DataError> {
        self.input
            .extend(options.input.units(&jitter.apply(input, self.sides)?));
        self.target
            .extend(options.target.units(&jitter.apply(target, self.sides)?));
        Ok(())
    }
}
