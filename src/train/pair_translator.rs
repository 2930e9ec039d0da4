//! Pairs of a set with what a generator makes of them, each at its own size.

use super::config::Config;
use super::error::TrainError;
use super::sizes::KEPT_PROGRAMS;
use super::translator::{Forward, Translator};
use crate::data::{Batch, DataOptions, Depth, PairSet, Picture, Pixels};
use crate::gpu::Gpu;
use crate::nn::{Fit, Generator, Mode};
use crate::program::{LruCache, Store, Workspace};
use crate::tensor::Shape;
use std::collections::HashMap;
use std::sync::Arc;

/// A pair and the generator's output for it, each `[height, width, channels]` in -1..1. Where the
/// fit crops, all three are cropped.
#[derive(Debug, Clone, Copy)]
pub struct TranslatedPair<'a> {
    /// Its number in the set.
    pub index: usize,
    /// In pixels.
    pub width: usize,
    /// In pixels.
    pub height: usize,
    /// What the generator was given.
    pub input: &'a [f32],
    /// What it made of it.
    pub output: &'a [f32],
    /// What it should have made.
    pub target: &'a [f32],
}

impl TranslatedPair<'_> {
    /// Input, output and target as pictures of 8-bit RGB, as they are shown on a screen. Stacked
    /// images lie side by side. The output has the samples that its file would have. The others
    /// have those of the images that they were made of.
    pub fn pictures(&self, options: &DataOptions) -> [Picture; 3] {
        let DataOptions { input, target, .. } = options;
        let shown =
            |pixels: &Pixels, values: &[f32]| pixels.shown_in_rows(values, self.input, self.width);
        [
            rounded_picture(&shown(input, self.input), self.height),
            picture(&shown(target, self.output), self.height),
            rounded_picture(&shown(target, self.target), self.height),
        ]
    }
}

/// A picture of 8-bit RGB of values in -1..1, `[height, width, 3]`. Samples are truncated, as those
/// of results are.
fn picture(values: &[f32], height: usize) -> Picture {
    let width = values.len() / (3 * height.max(1));
    Picture::from_unit(width as u32, height as u32, 3, Depth::Eight, values)
}

/// The same with the nearest sample, so that one that was made a value and back is the same.
pub fn rounded_picture(values: &[f32], height: usize) -> Picture {
    /// Half the distance of two samples, in -1..1.
    const HALF: f32 = 1.0 / 255.0;
    let values: Vec<f32> = values.iter().map(|value| value + HALF).collect();
    picture(&values, height)
}

/// Batches of pairs, so that a grid does not decode large images each time. They are those of one
/// set of pairs, by the numbers of the pairs.
#[derive(Debug, Default)]
struct KeptBatches {
    batches: HashMap<Vec<usize>, Arc<Batch>>,
    values: usize,
    /// Most values to keep.
    most: usize,
}

impl KeptBatches {
    /// The batch of these pairs. It is kept if there is room.
    fn get_or_read(&mut self, set: &PairSet, pairs: Vec<usize>) -> Result<Arc<Batch>, TrainError> {
        if let Some(batch) = self.batches.get(&pairs) {
            return Ok(batch.clone());
        }
        let batch = Arc::new(set.plain(&pairs)?);
        let values = batch.input.len() + batch.target.len();
        if self.values + values <= self.most {
            self.values += values;
            self.batches.insert(pairs, batch.clone());
        }
        Ok(batch)
    }
}

/// How a generator is used on pairs.
#[derive(Debug, Clone)]
pub struct PairUse {
    /// Channels of its input.
    pub channels: usize,
    /// How images go through it if their size does not suit it.
    pub fit: Fit,
    /// Statistics and dropout.
    pub mode: Mode,
    /// Images that go through it together. These share statistics.
    pub batch: usize,
}

impl PairUse {
    /// As a run shows its generator.
    pub(super) fn of(config: &Config) -> Self {
        Self {
            channels: config.input.channels(),
            fit: config.fit,
            mode: config.test.mode(),
            batch: config.test_batch(),
        }
    }

    /// The shape of these inputs, for images of this width and height.
    pub(super) fn shape(&self, (width, height): (u32, u32)) -> Shape {
        Shape::nhwc(self.batch, height as usize, width as usize, self.channels)
    }
}

/// A generator's forward pass over pairs. For images of several sizes the programs that were used
/// last are kept.
#[derive(Debug)]
pub struct PairTranslator {
    generator: Generator,
    usage: PairUse,
    /// A workspace that all programs share; none if each has its own.
    workspace: Option<Arc<Workspace>>,
    /// By width and height.
    translators: LruCache<(u32, u32), Translator>,
    batches: KeptBatches,
}

impl PairTranslator {
    /// Compiles for images of these `sides`. All programs are in one `workspace` if there is one,
    /// which was planned for them. At most so many `kept` values of decoded pairs are kept.
    ///
    /// # Errors
    /// Those of compiling.
    pub fn new(
        (gpu, store): (&Gpu, &Store),
        generator: &Generator,
        usage: PairUse,
        workspace: Option<Arc<Workspace>>,
        sides: (u32, u32),
        kept: usize,
    ) -> Result<Self, TrainError> {
        let translator = compile((gpu, store), generator, &usage, workspace.as_ref(), sides)?;
        Ok(Self {
            generator: generator.clone(),
            usage,
            workspace,
            translators: LruCache::new(KEPT_PROGRAMS, sides, translator),
            batches: KeptBatches {
                most: kept,
                ..KeptBatches::default()
            },
        })
    }

    /// Translates the first `pairs` of `set` and gives each with its output to `take`. Images that
    /// share statistics go through the generator together.
    ///
    /// # Errors
    /// Those of loading, compiling and translating, and those of `take`.
    pub async fn each<E: From<TrainError>>(
        &mut self,
        gpu: &Gpu,
        store: &Store,
        set: &PairSet,
        pairs: usize,
        mut take: impl FnMut(&TranslatedPair) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self {
            generator,
            usage,
            workspace,
            translators,
            batches,
        } = self;
        let batch = usage.batch;
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
                compile((gpu, store), generator, usage, workspace.as_ref(), sides)
            })?;
            let output = translator.translate(gpu, store, input, 0).await?;
            let [input, target] = [input, target].map(|images| translator.shown(images));
            let (width, height) = (
                translator.output_shape().width(),
                translator.output_shape().height(),
            );
            let images = input
                .chunks(of_one(&input))
                .zip(output.chunks(of_one(&output)))
                .zip(target.chunks(of_one(&target)));
            for (index, ((input, output), target)) in (first..pairs).zip(images) {
                take(&TranslatedPair {
                    index,
                    width,
                    height,
                    input,
                    output,
                    target,
                })?;
            }
        }
        Ok(())
    }
}

fn compile(
    (gpu, store): (&Gpu, &Store),
    generator: &Generator,
    usage: &PairUse,
    workspace: Option<&Arc<Workspace>>,
    sides: (u32, u32),
) -> Result<Translator, TrainError> {
    let PairUse { fit, mode, .. } = usage;
    let forward = Forward::record(store.states(), generator, usage.shape(sides), *fit, mode)?;
    match workspace {
        Some(workspace) => Translator::in_workspace(gpu, store, forward, workspace.clone()),
        None => Translator::of_forward(gpu, store, forward),
    }
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

        let room = |most| KeptBatches {
            most,
            ..KeptBatches::default()
        };
        let mut kept = room(1 << 20);
        let first = kept.get_or_read(set, vec![0]).unwrap();
        // What has no room is read and not kept.
        let mut full = room(1);
        full.get_or_read(set, vec![0]).unwrap();
        fs::remove_dir_all(&val).unwrap();
        assert!(full.get_or_read(set, vec![0]).is_err());
        let again = kept.get_or_read(set, vec![0]).unwrap();
        assert!(Arc::ptr_eq(&first, &again));
        // The other pair was never read, and now its file is gone.
        assert!(kept.get_or_read(set, vec![1]).is_err());
    }

    #[test]
    fn a_sample_that_was_made_a_value_is_the_same_again() {
        let samples: Vec<u8> = (0..=254).collect();
        let values: Vec<f32> = samples
            .iter()
            .map(|&sample| Depth::Eight.to_unit(sample.into()))
            .collect();
        assert_eq!(rounded_picture(&values, 1).bytes(), samples);
        // Results are truncated.
        assert_ne!(picture(&values, 1).bytes(), samples);
        let ends = [-1.0, 1.0, 1.0];
        assert_eq!(rounded_picture(&ends, 1).bytes(), [0, 255, 255]);
    }
}
