//! Sample grids and held-out scores of a run, for images of one size or of several.

use super::config::Config;
use super::error::TrainError;
use super::pair_translator::{PairTranslator, PairUse, TranslatedPair};
use super::run::{SampleRow, Samples};
use super::score::Score;
use super::sizes::{SCORED_PAIRS, Sizes};
use crate::data::{DataOptions, PairSet};
use crate::gpu::Gpu;
use crate::metrics::{SsimWindow, psnr, ssim};
use crate::nn::Generator;
use crate::program::{Store, Workspace, WorkspacePlan};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Images of a sample grid.
const SAMPLES: usize = 8;

/// Values of decoded pairs that are kept from one grid to the next: 256 MiB of them.
const KEPT_VALUES: usize = 1 << 26;

/// The generator as a run shows it: its forward pass over the store.
#[derive(Debug)]
pub struct Validator {
    pairs: PairTranslator,
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
        let (usage, on) = (PairUse::of(config), (gpu, store));
        let pairs = PairTranslator::new(on, generator, usage, Some(workspace), sides, KEPT_VALUES)?;
        Ok(Self { pairs })
    }

    /// Scores the first pairs of `held_out`, each at its own size, until `stop` is set. Images that
    /// share statistics go through the generator together.
    ///
    /// # Errors
    /// [`TrainError::Interrupted`], and those of loading, compiling and translating.
    pub async fn score(
        &mut self,
        gpu: &Gpu,
        store: &Store,
        held_out: &PairSet,
        stop: &AtomicBool,
    ) -> Result<Score, TrainError> {
        let pairs = held_out.len().min(SCORED_PAIRS);
        let (mut l1, mut copy_l1, mut psnr_sum) = (0.0, 0.0, 0.0);
        let mut ssim_sum = Some(0.0);
        let options = held_out.options();
        let comparable = options.input == options.target;
        let share = |value: f64| value / pairs as f64;
        self.pairs
            .each(gpu, store, held_out, pairs, |pair| {
                l1 += share(mean_distance(pair.output, pair.target));
                if comparable {
                    copy_l1 += share(mean_distance(pair.input, pair.target));
                }
                let [_, output, target] = pair.pictures(options);
                // Output and target have one size, so both are defined but for windows that do not
                // fit.
                psnr_sum += share(psnr(&output, &target).unwrap_or(f64::NAN));
                let similarity = ssim(&output, &target, SsimWindow::Uniform).ok();
                ssim_sum = ssim_sum.zip(similarity).map(|(sum, one)| sum + share(one));
                match stop.load(Ordering::Relaxed) {
                    true => Err(TrainError::Interrupted),
                    false => Ok(()),
                }
            })
            .await?;
        Ok(Score {
            l1,
            copy_l1: comparable.then_some(copy_l1),
            ssim: ssim_sum,
            psnr: psnr_sum,
            pairs,
        })
    }

    /// Translates the first pairs of `set` for a sample grid.
    ///
    /// # Errors
    /// Those of loading, compiling and translating.
    pub async fn samples(
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
        self.pairs
            .each(
                gpu,
                store,
                set,
                set.len().min(SAMPLES),
                |&TranslatedPair {
                     width,
                     height,
                     input,
                     output,
                     target,
                     ..
                 }| {
                    rows.push(SampleRow {
                        height,
                        width,
                        input: of_input.shown_in_rows(input, input, width),
                        output: of_target.shown_in_rows(output, input, width),
                        target: of_target.shown_in_rows(target, input, width),
                    });
                    Ok::<(), TrainError>(())
                },
            )
            .await?;
        Ok(Samples { rows })
    }
}

fn mean_distance(left: &[f32], right: &[f32]) -> f64 {
    let sum: f64 = left
        .iter()
        .zip(right)
        .map(|(a, b)| f64::from((a - b).abs()))
        .sum();
    sum / left.len().max(1) as f64
}
