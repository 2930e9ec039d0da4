//! Which pairs, with which jitter, make the batch of a step. This is a pure function of the number
//! of pairs, the seed and the step. So a run that resumes at step `t` goes on with the same batches
//! as without a stop.

use super::augment::Chance;
use super::batch::Sample;
use super::error::DataError;
use super::pair_set::PairSet;
use super::random::permutation;

/// The order of training: each epoch is a permutation of the pairs, cut into batches; a short last
/// batch is dropped.
#[derive(Clone, Debug)]
pub struct BatchSampler {
    pairs: usize,
    batch_size: usize,
    seed: u64,
    mirror: bool,
}

impl BatchSampler {
    /// The sampler of a split.
    ///
    /// # Errors
    /// [`DataError::BatchSize`] for a batch size of 0 or above the number of pairs.
    pub fn new(set: &PairSet, batch_size: usize, seed: u64) -> Result<Self, DataError> {
        let (pairs, split) = (set.len(), set.split());
        if batch_size == 0 || batch_size > pairs {
            return Err(DataError::BatchSize {
                batch_size,
                split,
                pairs,
            });
        }
        Ok(Self {
            pairs,
            batch_size,
            seed,
            mirror: set.options().mirror,
        })
    }

    /// How many batches an epoch has; at least 1.
    pub fn steps_per_epoch(&self) -> u64 {
        (self.pairs / self.batch_size) as u64
    }

    /// The samples of the batch of a step, counted from 0 over all epochs.
    pub fn samples(&self, step: u64) -> Vec<Sample> {
        // Shuffling again for each step costs microseconds, and there is no state that could differ
        // after a resume. Orders repeat after 2^32 epochs.
        let epoch = (step / self.steps_per_epoch()) as u32;
        let first = (step % self.steps_per_epoch()) as usize * self.batch_size;
        let order = permutation(self.seed, epoch, self.pairs);
        let sample = |pair| Sample {
            pair,
            chance: Chance::draw(self.seed, epoch, pair, self.mirror),
        };
        order
            .into_iter()
            .skip(first)
            .take(self.batch_size)
            .map(sample)
            .collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::data::Split;
    use crate::data::tests::noise_in_memory;

    fn sampler(batch_size: usize, seed: u64) -> Result<BatchSampler, DataError> {
        let dataset = noise_in_memory(1, 40);
        BatchSampler::new(dataset.get(Split::Val).unwrap(), batch_size, seed)
    }

    #[test]
    fn an_epoch_shows_every_pair_once_and_drops_the_short_batch() {
        let sampler = sampler(12, 5).unwrap();
        assert_eq!(sampler.steps_per_epoch(), 3);
        let epoch = |e: u64| {
            (0..3)
                .flat_map(|s| sampler.samples(3 * e + s))
                .collect::<Vec<_>>()
        };
        let mut pairs: Vec<usize> = epoch(0).iter().map(|sample| sample.pair).collect();
        pairs.sort_unstable();
        pairs.dedup();
        assert_eq!(
            pairs.len(),
            36,
            "40 pairs make three batches of 12 different pairs"
        );
        assert_ne!(epoch(0), epoch(1));
    }

    #[test]
    fn the_samples_depend_on_seed_and_step_alone() {
        let (one, other) = (sampler(4, 5).unwrap(), sampler(4, 6).unwrap());
        let forwards: Vec<_> = (0..25).map(|step| one.samples(step)).collect();
        let backwards: Vec<_> = (0..25).rev().map(|step| one.samples(step)).collect();
        assert!(forwards.iter().eq(backwards.iter().rev()));
        assert_ne!(one.samples(0), other.samples(0));
        assert_eq!(one.samples(u64::MAX).len(), 4);
    }

    #[test]
    fn a_batch_that_no_epoch_fills_is_a_typed_error() {
        for batch_size in [0, 41, usize::MAX] {
            let error = sampler(batch_size, 0).unwrap_err();
            assert!(
                matches!(error, DataError::BatchSize { pairs: 40, .. }),
                "{error}"
            );
        }
    }
}
