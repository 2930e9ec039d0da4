//! How the generator is built, as `train`, `inspect` and `bench` take it.

use super::CliError;
use super::network::{FitArg, NETWORKS};
use crate::interop::TensorFile;
use crate::nn::{DropoutAt, Upsample};
use crate::train::checkpoint::says_its_model;
use crate::train::{Architecture, Config};
use clap::{Args, ValueEnum};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ArchitectureArg {
    /// An encoder and a decoder with skips between them
    #[value(name = "unet")]
    UNet,
    /// The same without skips
    EncoderDecoder,
    /// Two halvings, nine residual blocks, two doublings
    #[value(name = "resnet9")]
    ResNet9,
    /// The same with six blocks
    #[value(name = "resnet6")]
    ResNet6,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DropoutAtArg {
    /// In the blocks between the innermost and the four outermost ones
    Pytorch,
    /// In the first three blocks of the way up
    Torch,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum UpsampleArg {
    /// By transposed convolutions
    Deconv,
    /// By repeating pixels before a convolution
    Nearest,
    /// By interpolating between pixels before a convolution
    Bilinear,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ResizeArg {
    /// By repeating pixels
    Nearest,
    /// By interpolating between pixels
    Bilinear,
}

/// What a state dict of PyTorch does not say about its generator.
#[derive(Debug, Clone, Args)]
pub struct UnsaidArgs {
    /// How the generator of a .pth file resizes its maps, where it does: the file does not say
    #[arg(long, value_enum, value_name = "NAME")]
    upsample: Option<ResizeArg>,
}

impl UnsaidArgs {
    /// How the generator of `file` resizes its maps, where that has to be said.
    ///
    /// # Errors
    /// [`CliError::Usage`] where the file says it.
    pub fn upsample(&self, file: &TensorFile) -> Result<Option<Upsample>, CliError> {
        if self.upsample.is_some() && says_its_model(file) {
            return Err(CliError::Usage("--upsample is for .pth files; this one says how its generator is built: leave it out".to_owned()));
        }
        Ok(self.upsample.map(|how| {
            if how == ResizeArg::Nearest {
                Upsample::Nearest
            } else {
                Upsample::Bilinear
            }
        }))
    }
}

/// Halvings for sizes that are no multiple of 32 unless others are asked for: few, so that little
/// is padded or left out.
const FEWEST_DOWNS: usize = 5;

/// The generator; without these options the paper's.
#[derive(Debug, Clone, Args)]
pub struct GeneratorArgs {
    /// The generator's architecture
    #[arg(long, value_enum, default_value = "unet", value_name = "NAME")]
    generator: ArchitectureArg,
    /// How often unet and encoder-decoder halve the image [default: down to 1×1 pixel, at most 8]
    #[arg(long, value_name = "N", help_heading = NETWORKS)]
    depth: Option<usize>,
    /// Which of their blocks have dropout, after the reference in PyTorch or that in Lua Torch
    /// [default: pytorch]
    #[arg(long, value_enum, value_name = "NAME", conflicts_with = "no_dropout", help_heading = NETWORKS)]
    dropout_at: Option<DropoutAtArg>,
    /// How the generator doubles its maps; resizing leaves no checkerboard
    #[arg(long, value_enum, default_value = "deconv", value_name = "NAME", help_heading = NETWORKS)]
    upsample: UpsampleArg,
}

impl GeneratorArgs {
    /// The architecture.
    pub fn architecture(&self) -> Architecture {
        match self.generator {
            ArchitectureArg::UNet => Architecture::UNet,
            ArchitectureArg::EncoderDecoder => Architecture::EncoderDecoder,
            ArchitectureArg::ResNet9 => Architecture::ResNet9,
            ArchitectureArg::ResNet6 => Architecture::ResNet6,
        }
    }

    /// How it doubles its maps.
    pub fn upsample(&self) -> Upsample {
        match self.upsample {
            UpsampleArg::Deconv => Upsample::Deconv,
            UpsampleArg::Nearest => Upsample::Nearest,
            UpsampleArg::Bilinear => Upsample::Bilinear,
        }
    }

    /// The blocks with dropout.
    pub fn dropout_at(&self) -> DropoutAt {
        if self.dropout_at == Some(DropoutAtArg::Torch) {
            DropoutAt::Torch
        } else {
            DropoutAt::Pytorch
        }
    }

    /// Halvings of images of `size`, or of several sizes; a `fit` takes sizes that the generator
    /// does not divide.
    ///
    /// # Errors
    /// [`CliError::Usage`] for a size that the generator does not divide, and options that it does
    /// not have. Sizes and depths that no network has are left to [`Config::check`] and the
    /// generator.
    pub fn num_downs(&self, size: Option<u32>, fit: Option<FitArg>) -> Result<usize, CliError> {
        let size = size.filter(|size| Config::SIZES.contains(size));
        if matches!(
            self.generator,
            ArchitectureArg::ResNet9 | ArchitectureArg::ResNet6
        ) {
            self.refuse_unused()?;
            return match (fit, size) {
                (Some(FitArg::Crop), _) => Err(CliError::Usage(
                    "--fit crop is the U-Net's own rule; a ResNet takes --fit pad".to_owned(),
                )),
                (None, Some(size)) if !size.is_multiple_of(4) => {
                    Err(no_multiple(size, 4, "--fit pad"))
                }
                _ => Ok(2),
            };
        }
        let Some(size) = size else {
            return Ok(self.depth.unwrap_or(FEWEST_DOWNS));
        };
        let Some(depth) = self.depth else {
            return Config::downs_for(size)
                .or(fit.map(|_| FEWEST_DOWNS))
                .ok_or_else(|| no_multiple(size, 32, EITHER_FIT));
        };
        let [halvings, even] =
            [size.checked_ilog2().unwrap_or(0), size.trailing_zeros()].map(|most| most as usize);
        match if fit.is_some() { halvings } else { even } {
            most if depth <= most.max(1) => Ok(depth),
            most @ 2.. => Err(CliError::Usage(format!(
                "--depth {depth} is too deep for images of {size}, which are no multiple of 2^{depth}; the nearest is --depth {most}"
            ))),
            // No depth divides it.
            _ if depth <= halvings => Err(no_multiple(size, 1 << depth, EITHER_FIT)),
            _ => Err(CliError::Usage(format!(
                "--depth {depth} is too deep for images of {size}; the nearest is --depth {halvings} with {EITHER_FIT}"
            ))),
        }
    }

    /// A ResNet has one depth and one place for dropout.
    fn refuse_unused(&self) -> Result<(), CliError> {
        match (self.depth, self.dropout_at) {
            (None, None) => Ok(()),
            (depth, _) => Err(CliError::Usage(format!(
                "{} does nothing with a ResNet; leave it out or use --generator unet or encoder-decoder",
                if depth.is_some() {
                    "--depth"
                } else {
                    "--dropout-at"
                }
            ))),
        }
    }
}

/// The ways of other sizes through a U-Net.
const EITHER_FIT: &str = "--fit pad or --fit crop";

/// Refuses a size from the multiple on that is none of its multiples.
fn no_multiple(size: u32, multiple: u32, fits: &str) -> CliError {
    let below = size / multiple * multiple;
    let above = below + multiple;
    CliError::Usage(format!(
        "--size {size} is no multiple of {multiple}; the nearest are {below} and {above}, or say how it shall fit: {fits}"
    ))
}
