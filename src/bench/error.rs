//! Errors of benchmarks and of their files.

use super::BenchmarkKind;
use crate::program::ProgramError;
use crate::train::TrainError;
use crate::train::run::RunError;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// What went wrong while measuring, or with a file of measurements.
#[derive(Debug, Error)]
pub enum BenchError {
    /// Building or running the step.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// Building or running a kernel.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// A result that cannot be written.
    #[error(transparent)]
    Write(#[from] RunError),
    /// A file that cannot be read.
    #[error(
        "{}: cannot be read: {source}; give a file that `pix2pix bench` wrote with `json`",
        path.display()
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// A file that is no report, or one of another version.
    #[error(
        "{}: is no benchmark of this version: {reason}; measure again with `pix2pix bench` and \
         `json`",
        path.display()
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Two reports that measured different things.
    #[error(
        "{} holds `bench {before}` and {} holds `bench {after}`; compare two of one kind",
        paths.0.display(), paths.1.display()
    )]
    Kinds {
        /// The files.
        paths: (PathBuf, PathBuf),
        /// Kind of the first.
        before: BenchmarkKind,
        /// Kind of the second.
        after: BenchmarkKind,
    },
    /// The chart could not be drawn.
    #[error("cannot draw {}: {reason}", path.display())]
    Chart {
        /// The file.
        path: PathBuf,
        /// The drawing library's words.
        reason: String,
    },
}
