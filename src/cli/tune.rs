//! `--tune`, for the commands that run a training step.

use super::{CliError, note};
use crate::gpu::Gpu;
use crate::program::Effort;
use crate::train::{Config, Group, Sizes, tune_for};
use clap::Args;
use pollster::block_on;
use std::time::Instant;

/// How kernels are chosen.
#[derive(Debug, Clone, Args)]
pub struct TuneArgs {
    /// Find the fastest kernels on this device before the first step. They are kept for the next
    /// time
    #[arg(
        long,
        value_enum,
        default_value = "off",
        value_name = "EFFORT",
        help_heading = Group::Resources.title()
    )]
    tune: Effort,
}

impl TuneArgs {
    /// The device with the kernels that were found for the steps of `config` on images of `sizes`.
    ///
    /// # Errors
    /// Those of [`tune_for`].
    pub fn apply(&self, gpu: Gpu, config: &Config, sizes: &Sizes) -> Result<Gpu, CliError> {
        let began = Instant::now();
        let mut tried = 0;
        let gpu = block_on(tune_for(gpu, config, sizes, self.tune, &mut |done, of| {
            if done == 0 {
                note(&format!(
                    "tuning {of} contractions, once for this device and driver"
                ));
            }
            tried = of;
        }))?;
        if tried > 0 {
            note(&format!("tuned in {:.1} s", began.elapsed().as_secs_f64()));
        }
        Ok(gpu)
    }
}
