//! Errors of reading and writing weight files.

use crate::program::ProgramError;
use std::path::PathBuf;
use thiserror::Error;

/// What is wrong, and with which file.
#[derive(Debug, Error)]
pub enum InteropError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}; check the path and its permissions", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// The file has no known format, or ends too early.
    #[error("{} is not a complete {format} file ({reason}); use another file", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The format that its first bytes name.
        format: &'static str,
        /// What the parser says.
        reason: String,
    },
    /// The file is something else.
    #[error(
        "{} is no weight file that is known here ({found}); {remedy}",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A file with several networks of the kind that was asked for, or without the one that was
    /// named.
    #[error(
        "{}: {problem}; it holds {}; name one of them with `network`, or copy it to a file of its \
         own with `pix2pix convert`",
        path.display(),
        names.join(", ")
    )]
    WhichNetwork {
        /// The file.
        path: PathBuf,
        /// Why none was taken.
        problem: String,
        /// The names of its networks.
        names: Vec<String>,
    },
    /// A tensor of the network is missing.
    #[error("{}: tensor {key} is missing; the file belongs to another network", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The tensor's key.
        key: String,
    },
    /// A tensor has another shape or type.
    #[error(
        "{}: tensor {key} is {found}, this network needs floats of {needed:?}; the file belongs \
         to another network",
        path.display()
    )]
    Shape {
        /// The file.
        path: PathBuf,
        /// The tensor's key.
        key: String,
        /// Type and shape in the file.
        found: String,
        /// The shape that the network needs.
        needed: Vec<usize>,
    },
    /// A tensor that the network does not have.
    #[error(
        "{}: tensor {key} of {shape:?} is none of this network's, so the file belongs to another \
         network; use another file, or save it without this tensor; in a file of several networks \
         name another one with `network` NAME (`pix2pix convert` copies it to a file of its own)",
        path.display()
    )]
    Surplus {
        /// The file.
        path: PathBuf,
        /// The tensor's key.
        key: String,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// A tensor holds a NaN or an infinity.
    #[error("{}: tensor {key} holds values that are not finite; use another file", path.display())]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The tensor's key.
        key: String,
    },
    /// Values that a narrower type cannot hold.
    #[error(
        "{}: {count} values of tensor {key} do not fit in {dtype}, the largest is {example:e}; keep \
         it as it is, or train with a smaller learning rate",
        path.display()
    )]
    Beyond {
        /// The file.
        path: PathBuf,
        /// The tensor's key.
        key: String,
        /// The type.
        dtype: String,
        /// How many.
        count: usize,
        /// The one that is furthest from zero.
        example: f64,
    },
    /// The file does not say how the network is built, or says something else than is needed.
    #[error(
        "{}: its metadata describe no pix2pix model that fits ({reason}); use a file that \
         `pix2pix train` wrote",
        path.display()
    )]
    Metadata {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The tensors are not those of the network that was asked for.
    #[error("{} holds no {wanted} that is known here{hint}", path.display())]
    OtherNetwork {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        wanted: &'static str,
        /// What it holds instead, and the remedy.
        hint: String,
    },
    /// A value that must not be saved: a NaN or an infinity.
    #[error(
        "{key} on the device is not finite; what is on the disk stays as it was: use a smaller \
         learning rate, or look at the data"
    )]
    Unsavable {
        /// The tensor's key.
        key: String,
    },
    /// An operation for which ONNX has no operator.
    #[error("{scope}: {op} cannot be written as ONNX; export a generator without it")]
    NoOnnx {
        /// The layer.
        scope: String,
        /// The operation.
        op: &'static str,
    },
    /// More weights than an ONNX file holds.
    #[error(
        "the ONNX file would have {:.1} GiB, and its readers take 2 GiB; export a narrower \
         generator",
        *bytes as f64 / f64::from(1 << 30)
    )]
    OnnxTooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The device failed.
    #[error(transparent)]
    Program(#[from] ProgramError),
}
