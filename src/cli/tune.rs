//! `--tune`, for the commands that run a training step.

use super::network::RESOURCES;
use super::{CliError, note};
use crate::gpu::Gpu;
use crate::program::Effort;
use crate::train::{Config, Sizes, tune_for};
use clap::{Args, ValueEnum};
use std::time::Instant;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum EffortArg {
    /// The default table for this kind of device
    Off,
    /// Try each version of a kernel once
    Quick,
    /// Try every version with every tile
    Full,
}

/// How kernels are chosen.
#[derive(Debug, Clone, Args)]
pub struct TuneArgs {
    /// Find the fastest kernels on this device before the first step; what is found is kept for the
    /// next time
    #[arg(long, value_enum, default_value = "off", value_name = "EFFORT", help_heading = RESOURCES)]
    tune: EffortArg,
}

impl TuneArgs {
    /// The device with the kernels that were found for the steps of `config` on images of `sizes`.
    ///
    /// # Errors
    /// Those of [`tune_for`].
    pub fn apply(&self, gpu: Gpu, config: &Config, sizes: &Sizes) -> Result<Gpu, CliError> {
        let effort = match self.tune {
            EffortArg::Off => Effort::Off,
            EffortArg::Quick => Effort::Quick,
            EffortArg::Full => Effort::Full,
        };
        let began = Instant::now();
        let mut tried = 0;
        let gpu = tune_for(gpu, config, sizes, effort, &mut |done, of| {
            if done == 0 {
                note(&format!(
                    "tuning {of} contractions, once for this device and driver"
                ));
            }
            tried = of;
        })?;
        if tried > 0 {
            note(&format!("tuned in {:.1} s", began.elapsed().as_secs_f64()));
        }
        Ok(gpu)
    }
}
