//! Why an OpenEXR file cannot be read. Its floats are not to become a PNG or a JPEG.

use std::path::PathBuf;

use thiserror::Error;

/// An OpenEXR file that cannot be read here.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{}: is an OpenEXR file {what}; {remedy}, or convert it to a TIFF of floats, or leave it out",
    path.display()
)]
pub struct OpenExrError {
    /// The file.
    pub path: PathBuf,
    /// Which kind of file it is.
    pub what: String,
    /// How to save it in its own format.
    pub remedy: &'static str,
}
