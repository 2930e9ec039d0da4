//! Bytes of a stream that are no frame.

use std::path::PathBuf;

use thiserror::Error;

/// Bytes of a stream that are no frame.
#[derive(Debug, Error)]
pub enum FrameError {
    /// It begins as no frame does.
    #[error(
        "{}: is {}; a stream has frames as PNG, or as PPM, PGM, PBM or PAM in binary: convert it \
         to one of these before it comes here",
        path.display(),
        if *is_jpeg { "a JPEG" } else { "no frame that can be read here" }
    )]
    Unknown {
        /// The frame and the stream.
        path: PathBuf,
        /// Whether it begins as a JPEG does.
        is_jpeg: bool,
    },
    /// A frame without pixels.
    #[error(
        "{}: is {}x{}, so it has no pixels; leave it out of the stream",
        path.display(), size.0, size.1
    )]
    NoPixels {
        /// The frame and the stream.
        path: PathBuf,
        /// Its width and height.
        size: (u32, u32),
    },
}
