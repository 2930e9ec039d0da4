//! Sample grids and held-out scores of a run, for images of one size or of several.

use super::config::Config;
use super::error::TrainError;
use super::run::{SampleRow, Samples};
use super::sizes::{KEPT_PROGRAMS, SCORED_PAIRS, Sizes};
use super::translator::{Forward, Translator};
use crate::data::{Batch, DataOptions, PairSet};
use crate::gpu::Gpu;
use crate::nn::Generator;
use crate::program::{LruCache, Store, Workspace, WorkspacePlan};
use std::collections::HashMap;
use std::sync::Arc;

/// Images of a sample grid.
const SAMPLES: usize = 8;

/// Values of decoded pairs that are kept from one grid to the next: 256 MiB of them.
const KEPT_VALUES: usize = 1 << 26;

/// Mean absolute distances over held-out pairs, in -1..1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// Of the generator's output.
    pub l1: f64,
    /// Of the input itself, where its channels mean the same as the target's.
    pub copy_l1: Option<f64>,
    /// Pairs scored.
    pub pairs: usize,
}

/// The generator as a run shows it: its forward pass over the store. For images of several sizes
/// the programs that were used last are kept, in one workspace.
#[derive(Debug)]
pub struct Validator {
    config: Config,
    generator: Generator,
    workspace: Arc<Workspace>,
    /// By width and height.
    translators: LruCache<(u32, u32), Translator>,
    batches: KeptBatches,
}

/// Batches of pairs, so that a grid does not decode large images each time. They are those of one
/// set of pairs, by the numbers of the pairs.
#[derive(Debug, Default)]
struct KeptBatches {
    batches: HashMap<Vec<usize>, Arc<Batch>>,
    values: usize,
}

impl KeptBatches {
    /// The batch of these pairs. It is kept if there is room.
    fn get_or_read(&mut self, set: &PairSet, pairs: Vec<usize>) -> Result<Arc<Batch>, TrainError> {
        if let Some(batch) = self.batches.get(&pairs) {
            return Ok(batch.clone());
        }
        let batch = Arc::new(set.plain(&pairs)?);
        let values = batch.input.len() + batch.target.len();
        if self.values + values <= KEPT_VALUES {
            self.values += values;
            self.batches.insert(pairs, batch.clone());
        }
        Ok(batch)
    }
}

/// A pair and the generator's output for it, each `[height, width, channels]` in -1..1.
struct Shown<'a> {
    width: usize,
    height: usize,
    input: &'a [f32],
    output: &'a [f32],
    target: &'a [f32],
}

impl Validator {
    /// Allocates the workspace that was planned for images of `sizes`, and compiles for the
    /// largest.
    ///
    /// # Errors
    /// Those of allocating and compiling.
    pub fn new(
        gpu: &Gpu,
        store: &Store,
        generator: &Generator,
        config: &Config,
        sizes: &Sizes,
        workspace: WorkspacePlan,
    ) -> Result<Self, TrainError> {
        let workspace = Arc::new(Workspace::new(gpu, store, workspace)?);
        let sides = sizes
            .shown
            .first()
            .map_or(sizes.largest(), |size| size.sides);
        let translator = compile(gpu, store, generator, config, &workspace, sides)?;
        let translators = LruCache::new(KEPT_PROGRAMS, sides, translator);
        Ok(Self {
            config: config.clone(),
            generator: generator.clone(),
            workspace,
            translators,
            batches: KeptBatches::default(),
        })
    }

    /// Translates the first `pairs` of `set` and gives each with its output to `take`. Images that
    /// share statistics go through the generator together.
    fn each_pair(
        &mut self,
        gpu: &Gpu,
        store: &Store,
        set: &PairSet,
        pairs: usize,
        mut take: impl FnMut(&Shown),
    ) -> Result<(), TrainError> {
        let Self {
            config,
            generator,
            workspace,
            translators,
            batches,
        } = self;
        let batch = config.test_batch();
        let of_one = |values: &[f32]| (values.len() / batch).max(1);
        for first in (0..pairs).step_by(batch) {
            // A short last batch is filled up from the front.
            let indices: Vec<usize> = (first..first + batch).map(|index| index % pairs).collect();
            let Batch {
                sides,
                input,
                target,
            } = &*batches.get_or_read(set, indices)?;
            let translator = translators.get_or_make(*sides, |&sides| {
                compile(gpu, store, generator, config, workspace, sides)
            })?;
            let output = translator.translate(gpu, store, input, 0)?;
            let [input, target] = [input, target].map(|images| translator.shown(images));
            let (width, height) = (
                translator.output_shape().width(),
                translator.output_shape().height(),
            );
            let images = input
                .chunks(of_one(&input))
                .zip(output.chunks(of_one(&output)))
                .zip(target.chunks(of_one(&target)));
            images
                .take(pairs - first)
                .for_each(|((input, output), target)| {
                    take(&Shown {
                        width,
                        height,
                        input,
                        output,
                        target,
                    })
                });
        }
        Ok(())
    }

    /// Scores the first pairs of `held_out`, each at its own size. Images that share statistics go
    /// through the generator together.
    ///
    /// # Errors
    /// Those of loading, compiling and translating.
    pub fn score(
        &mut self,
        gpu: &Gpu,
        store: &Store,
        held_out: &PairSet,
    ) -> Result<Score, TrainError> {
        let pairs = held_out.len().min(SCORED_PAIRS);
        let (mut l1, mut copy_l1) = (0.0, 0.0);
        let options = held_out.options();
        let comparable = options.input == options.target;
        self.each_pair(
            gpu,
            store,
            held_out,
            pairs,
            |&Shown {
                 input,
                 output,
                 target,
                 ..
             }| {
                l1 += mean_distance(output, target) / pairs as f64;
                copy_l1 += if comparable {
                    mean_distance(input, target) / pairs as f64
                } else {
                    0.0
                };
            },
        )?;
        Ok(Score {
            l1,
            copy_l1: comparable.then_some(copy_l1),
            pairs,
        })
    }

    /// Translates the first pairs of `set` for a sample grid.
    ///
    /// # Errors
    /// Those of loading, compiling and translating.
    pub fn samples(
        &mut self,
        gpu: &Gpu,
        store: &Store,
        set: &PairSet,
    ) -> Result<Samples, TrainError> {
        let mut rows = Vec::new();
        let DataOptions {
            input: of_input,
            target: of_target,
            ..
        } = set.options();
        self.each_pair(
            gpu,
            store,
            set,
            set.len().min(SAMPLES),
            |&Shown {
                 width,
                 height,
                 input,
                 output,
                 target,
             }| {
                rows.push(SampleRow {
                    height,
                    width,
                    input: of_input.shown_in_rows(input, input, width),
                    output: of_target.shown_in_rows(output, input, width),
                    target: of_target.shown_in_rows(target, input, width),
                });
            },
        )?;
        Ok(Samples { rows })
    }
}

fn compile(
    gpu: &Gpu,
    store: &Store,
    generator: &Generator,
    config: &Config,
    workspace: &Arc<Workspace>,
    sides: (u32, u32),
) -> Result<Translator, TrainError> {
    let forward = Forward::record(
        store.states(),
        generator,
        config.shown_shape(sides),
        config.fit,
        &config.test.mode(),
    )?;
    Translator::in_workspace(gpu, store, forward, workspace.clone())
}

fn mean_distance(left: &[f32], right: &[f32]) -> f64 {
    let sum: f64 = left
        .iter()
        .zip(right)
        .map(|(a, b)| f64::from((a - b).abs()))
        .sum();
    sum / left.len().max(1) as f64
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::data::{Dataset, Split};
    use std::fs;

    #[test]
    fn a_grid_reads_its_files_once_even_if_the_pairs_are_not_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let val = folder.path().join("val");
        fs::create_dir(&val).unwrap();
        for number in 0..2u8 {
            let pixel = image::Rgb([number, 100, 200]);
            let picture = image::RgbImage::from_pixel(32, 16, pixel);
            picture.save(val.join(format!("{number}.png"))).unwrap();
        }
        let mut options = DataOptions::new(16);
        options.memory_budget = 0;
        let dataset = Dataset::open(folder.path(), &options).unwrap();
        let set = dataset.require(Split::Val).unwrap();
        assert_eq!(set.bytes_in_memory(), 0);

        let mut kept = KeptBatches::default();
        let first = kept.get_or_read(set, vec![0]).unwrap();
        // What has no room is read and not kept.
        let mut full = KeptBatches {
            values: KEPT_VALUES,
            ..KeptBatches::default()
        };
        full.get_or_read(set, vec![0]).unwrap();
        fs::remove_dir_all(&val).unwrap();
        assert!(full.get_or_read(set, vec![0]).is_err());
        let again = kept.get_or_read(set, vec![0]).unwrap();
        assert!(Arc::ptr_eq(&first, &again));
        // The other pair was never read, and now its file is gone.
        assert!(kept.get_or_read(set, vec![1]).is_err());
    }
}
