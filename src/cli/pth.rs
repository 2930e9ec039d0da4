//! What a state dict of PyTorch does not say about its generator, as `translate` and `convert` take
//! it.

use super::CliError;
use crate::interop::TensorFile;
use crate::nn::Upsample;
use crate::train::checkpoint::says_its_model;
use clap::{Args, ValueEnum};

/// The ways to resize a map; a transposed convolution is seen in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ResizeArg {
    /// By repeating pixels
    Nearest,
    /// By interpolating between pixels
    Bilinear,
}

/// How the generator of a file is built, where the file does not say it.
#[derive(Debug, Clone, Args)]
pub struct PthArgs {
    /// How the generator of a .pth file resizes its maps, where it does: the file does not say
    #[arg(long, value_enum, value_name = "NAME")]
    upsample: Option<ResizeArg>,
}

impl PthArgs {
    /// How the generator of `file` resizes its maps, where that has to be said.
    ///
    /// # Errors
    /// [`CliError::Usage`] where the file says it.
    pub fn upsample(&self, file: &TensorFile) -> Result<Option<Upsample>, CliError> {
        if self.upsample.is_some() && says_its_model(file) {
            return Err(CliError::Usage("--upsample is for .pth files; this one says how its generator is built: leave it out".to_owned()));
        }
        Ok(self.upsample.map(|how| match how {
            ResizeArg::Nearest => Upsample::Nearest,
            ResizeArg::Bilinear => Upsample::Bilinear,
        }))
    }
}
