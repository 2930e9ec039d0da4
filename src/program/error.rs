//! Errors of compiling and running programs.

use crate::gpu::GpuError;
use crate::tape::TapeError;
use crate::tensor::Shape;
use thiserror::Error;

/// What went wrong, at which operation.
#[derive(Debug, Error)]
pub enum ProgramError {
    /// The device failed or refused.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// A tape of our own could not be recorded.
    #[error(transparent)]
    Tape(#[from] TapeError),
    /// The device failed or refused while an operation was being built.
    #[error("{op}: {source}")]
    Build {
        /// Layer and operation.
        op: String,
        /// The device's error.
        source: GpuError,
    },
    /// A value is larger than one binding of the device may be.
    #[error(
        "{op}: a value of shape {shape} has {bytes} bytes, the device binds at most {allowed}; \
         use smaller images, a smaller batch or image pool, or a narrower network"
    )]
    TooLarge {
        /// Layer and operation.
        op: String,
        /// The value's shape.
        shape: Shape,
        /// Its size.
        bytes: u64,
        /// The device's limit.
        allowed: u64,
    },
    /// A launch would read and write one buffer, or write one range twice.
    #[error("{op}: binding {first} and binding {second} of {kernel} use one buffer in conflict")]
    Conflict {
        /// Layer and operation.
        op: String,
        /// The kernel.
        kernel: String,
        /// One binding.
        first: usize,
        /// The other binding.
        second: usize,
    },
    /// A gradient cannot be written where the optimiser reads it.
    #[error(
        "{op}: gradient number {position} is {what}; an optimiser takes one freshly computed \
         gradient for each of its {states} states"
    )]
    Gradient {
        /// Layer and operation.
        op: String,
        /// Position among the optimiser's inputs.
        position: usize,
        /// What it is instead.
        what: &'static str,
        /// Number of states in the arena.
        states: usize,
    },
    /// A gradient was asked of the store, which has none.
    #[error(
        "the store holds no gradient of {state}: it belongs to the program that makes it; read it \
         by Program::gradient"
    )]
    GradientInStore {
        /// Name of the state.
        state: String,
    },
    /// A program needs more than the workspace that it should share.
    #[error(
        "a program needs more memory ({bytes} bytes of values) than the workspace that was made \
         for it; plan the workspace for its images too"
    )]
    Workspace {
        /// What its values take.
        bytes: u64,
    },
    /// A value that no run computes was asked for.
    #[error("value {var} is not an input or output of this program")]
    Absent {
        /// The value's number.
        var: usize,
    },
    /// Data of a wrong length.
    #[error("value {var} of shape {shape} takes {expected} numbers, got {given}")]
    Length {
        /// The value's number.
        var: usize,
        /// Its shape.
        shape: Shape,
        /// Elements of the shape.
        expected: usize,
        /// Elements given.
        given: usize,
    },
}
