//! Why a case has not passed.

use pix2pix::data::DataError;
use pix2pix::gpu::GpuError;
use pix2pix::nn::NetworkError;
use pix2pix::program::ProgramError;
use pix2pix::tape::TapeError;
use std::fmt::Display;

/// The end of a case that has not passed.
#[derive(Debug)]
pub enum Problem {
    /// Something that the library does not do, with the reason.
    Skip(String),
    /// Wrong numbers, damaged files, or an error of the library.
    Fail(String),
}

impl Problem {
    /// A failure in the words of `error`.
    pub fn fail(error: impl Display) -> Self {
        Self::Fail(error.to_string())
    }
}

macro_rules! failures {
    ($($error:ty),*) => {$(
        impl From<$error> for Problem {
            fn from(error: $error) -> Self {
                Self::fail(error)
            }
        }
    )*};
}

failures!(DataError, GpuError, NetworkError, ProgramError, TapeError);
