//! Threads that prepare the next batches while the device works on this one. Where there are no
//! threads, a batch is made when it is asked for.
//!
//! Worker `w` of `n` makes the batches of steps `w, w + n, w + 2n, ..` and puts them into a bounded
//! channel of its own. The consumer takes from the channels in turn. So the batches come in order,
//! whichever thread is faster, and only a few of them are in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use super::batch::Batch;
use super::batch_sampler::BatchSampler;
use super::error::DataError;
use super::pair_set::PairSet;
use crate::clock::{Duration, Instant};
use crate::threads::{AVAILABLE, count};

/// How batches are drawn and prefetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoaderOptions {
    /// Pairs in a batch.
    pub batch_size: usize,
    /// Seed of order and jitter.
    pub seed: u64,
    /// The step whose batch comes first, counted from 0 over all epochs; not 0 when a run resumes.
    pub first_step: u64,
    /// Threads. With 0, and where there are none, [`Loader::next_batch`] makes the batch itself.
    pub workers: usize,
    /// Finished batches that may wait in each thread's channel. The thread itself holds one more.
    pub prefetch: usize,
}

impl LoaderOptions {
    /// From step 0, on up to four threads with two finished batches each.
    pub fn new(batch_size: usize, seed: u64) -> Self {
        Self {
            batch_size,
            seed,
            first_step: 0,
            workers: count().min(4),
            prefetch: 2,
        }
    }
}

/// An endless sequence of training batches: the one for a step depends on the dataset, the seed and
/// the step alone.
#[derive(Debug)]
pub struct Loader {
    sampler: Arc<BatchSampler>,
    step: u64,
    source: BatchSource,
    threads: Vec<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    waited: Duration,
}

/// Who makes the batches.
#[derive(Debug)]
enum BatchSource {
    Threads {
        channels: Vec<Receiver<Result<Batch, DataError>>>,
        /// The index in `channels` of the worker that makes the batch of the next step.
        turn: usize,
    },
    /// The caller, until a pair cannot be read.
    Caller(Option<Arc<PairSet>>),
}

impl Loader {
    /// Starts the threads; they begin with the first batches at once.
    ///
    /// # Errors
    /// [`DataError::BatchSize`] and [`DataError::Spawn`].
    pub fn new(set: Arc<PairSet>, options: &LoaderOptions) -> Result<Self, DataError> {
        let sampler = Arc::new(BatchSampler::new(&set, options.batch_size, options.seed)?);
        let stop = Arc::new(AtomicBool::new(false));
        let workers = if AVAILABLE { options.workers } else { 0 };
        let mut channels = Vec::with_capacity(workers);
        let mut loader = Self {
            sampler: sampler.clone(),
            step: options.first_step,
            source: BatchSource::Caller(None),
            threads: Vec::with_capacity(workers),
            stop: stop.clone(),
            waited: Duration::ZERO,
        };
        for worker in 0..workers as u64 {
            let (sender, receiver) = sync_channel(options.prefetch);
            let (set, sampler, stop) = (set.clone(), sampler.clone(), stop.clone());
            let first = options.first_step.saturating_add(worker);
            let thread = thread::Builder::new()
                .name(format!("data-{worker}"))
                .spawn(move || {
                    produce(
                        &set,
                        &sampler,
                        (first..=u64::MAX).step_by(workers),
                        &sender,
                        &stop,
                    )
                })
                .map_err(|source| DataError::Spawn { source })?;
            channels.push(receiver);
            loader.threads.push(thread);
        }
        loader.source = match workers {
            0 => BatchSource::Caller(Some(set)),
            _ => BatchSource::Threads { channels, turn: 0 },
        };
        Ok(loader)
    }

    /// The batch of the next step, waiting for it if it is not ready:
    /// `[batch_size, height, width, channels]` each.
    ///
    /// # Errors
    /// Those of reading a pair when the pairs are not in memory; after that,
    /// [`DataError::Stopped`].
    pub fn next_batch(&mut self) -> Result<Batch, DataError> {
        let start = Instant::now();
        let stopped = DataError::Stopped { step: self.step };
        let received = match &mut self.source {
            BatchSource::Threads { channels, turn } => match channels.get(*turn) {
                Some(channel) => {
                    *turn = (*turn + 1) % channels.len();
                    channel.recv().unwrap_or(Err(stopped))
                }
                None => Err(stopped),
            },
            BatchSource::Caller(set) => match set.take() {
                Some(pairs) => {
                    let batch = pairs.batch(&self.sampler.samples(self.step));
                    *set = batch.is_ok().then_some(pairs);
                    batch
                }
                None => Err(stopped),
            },
        };
        self.waited += start.elapsed();
        if received.is_err() {
            // After an error nothing is made any more.
            self.source = BatchSource::Caller(None);
        }
        let batch = received?;
        self.step = self.step.saturating_add(1);
        Ok(batch)
    }

    /// The step whose batch comes next.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// How many batches an epoch has; at least 1.
    pub fn steps_per_epoch(&self) -> u64 {
        self.sampler.steps_per_epoch()
    }

    /// How long the callers of [`Loader::next_batch`] have waited so far. Near zero if the threads
    /// are fast enough.
    pub fn waited(&self) -> Duration {
        self.waited
    }
}

impl Drop for Loader {
    /// Ends the threads. Each finishes at most the pair that it is working on.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // A thread may be waiting for room in its channel. It gives up when the receiver is
        // dropped.
        self.source = BatchSource::Caller(None);
        for thread in self.threads.drain(..) {
            // A panic there has already shown itself as `Stopped`.
            let _ = thread.join();
        }
    }
}

/// Sends the batch of each step until the loader is gone or a pair cannot be read.
fn produce(
    set: &PairSet,
    sampler: &BatchSampler,
    steps: impl Iterator<Item = u64>,
    sender: &SyncSender<Result<Batch, DataError>>,
    stop: &AtomicBool,
) {
    for step in steps {
        let samples = sampler.samples(step);
        let mut batch = set.empty_batch(&samples);
        for sample in samples {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            if let Err(error) = set.append(sample, &mut batch) {
                // If the loader is dropped already, the result is not needed.
                let _ = sender.send(Err(error));
                return;
            }
        }
        if sender.send(Ok(batch)).is_err() {
            return;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::data::tests::noise_in_memory;
    use crate::data::{DataOptions, Dataset, Split};
    use std::fs;

    fn two_hundred_pairs() -> Arc<PairSet> {
        noise_in_memory(200, 1).get(Split::Train).unwrap().clone()
    }

    #[test]
    fn batches_come_in_the_samplers_order_for_any_number_of_threads() {
        let set = two_hundred_pairs();
        let sampler = BatchSampler::new(&set, 7, 3).unwrap();
        for (workers, prefetch, first_step) in [(0, 0, 0), (1, 1, 26), (3, 2, 27), (5, 0, 1000)] {
            let options = LoaderOptions {
                workers,
                prefetch,
                first_step,
                ..LoaderOptions::new(7, 3)
            };
            let mut loader = Loader::new(set.clone(), &options).unwrap();
            assert_eq!(loader.steps_per_epoch(), 28);
            for step in first_step..first_step + 8 {
                assert_eq!(loader.step(), step);
                let expected = set.batch(&sampler.samples(step)).unwrap();
                assert!(loader.next_batch().unwrap() == expected, "step {step}");
            }
        }
    }

    #[test]
    fn a_loader_that_is_dropped_ends_its_threads_at_once() {
        let set = two_hundred_pairs();
        let loader = Loader::new(set.clone(), &LoaderOptions::new(200, 0)).unwrap();
        drop(loader);
        // Every thread held a share of the pairs.
        assert_eq!(Arc::strong_count(&set), 1);
    }

    #[test]
    fn a_bad_file_is_an_error_of_its_batch_and_then_the_loader_has_stopped() {
        let root = tempfile::tempdir().unwrap();
        for name in ["a.png", "b.png", "c.png"] {
            image::RgbImage::new(8, 4)
                .save(root.path().join(name))
                .unwrap();
        }
        let options = DataOptions {
            memory_budget: 0,
            ..DataOptions::new(4)
        };
        let dataset = Dataset::open(root.path(), &options).unwrap();
        fs::write(root.path().join("b.png"), b"").unwrap();
        let set = dataset.get(Split::Train).unwrap().clone();
        let options = |workers| LoaderOptions {
            workers,
            ..LoaderOptions::new(1, 0)
        };
        for mut loader in [0, 2].map(|workers| Loader::new(set.clone(), &options(workers)).unwrap())
        {
            let error = (0..3).find_map(|_| loader.next_batch().err()).unwrap();
            assert!(
                matches!(&error, DataError::EmptyFile { path } if path.ends_with("b.png")),
                "{error}"
            );
            assert!(
                loader.step() < 3,
                "the step that failed is still the next one"
            );
            let after = loader.next_batch().unwrap_err();
            assert!(matches!(after, DataError::Stopped { .. }), "{after}");
        }
    }

    #[test]
    fn waiting_is_counted() {
        let mut loader = Loader::new(two_hundred_pairs(), &LoaderOptions::new(200, 0)).unwrap();
        assert_eq!(loader.waited(), Duration::ZERO);
        loader.next_batch().unwrap();
        assert!(loader.waited() > Duration::ZERO);
    }

    #[test]
    fn an_impossible_batch_size_is_a_typed_error() {
        let error = Loader::new(two_hundred_pairs(), &LoaderOptions::new(201, 0)).unwrap_err();
        assert!(matches!(error, DataError::BatchSize { .. }), "{error}");
    }
}
