//! Errors of looking inside a program.

use crate::gpu::GpuError;
use crate::program::ProgramError;
use crate::tape::TapeError;
use crate::train::TrainError;
use std::io;
use thiserror::Error;

/// What can go wrong while a program is looked into.
#[derive(Debug, Error)]
pub enum InspectError {
    /// Recording or planning it.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The device, or a shader.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// The picture of a layer's output.
    #[error(
        "cannot make a PNG of the feature maps of {layer}: {error}; show fewer or smaller channels"
    )]
    Picture {
        /// The layer.
        layer: String,
        /// What the encoder says.
        error: io::Error,
    },
}

impl From<ProgramError> for InspectError {
    fn from(error: ProgramError) -> Self {
        Self::Train(error.into())
    }
}

impl From<TapeError> for InspectError {
    fn from(error: TapeError) -> Self {
        Self::Train(error.into())
    }
}
