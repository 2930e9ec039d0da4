//! What a caller says about how image files are read.

use serde::{Deserialize, Serialize};

/// How image files are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReadOptions {
    /// Pictures stay as they are stored, as in the reference. Otherwise they are turned as their
    /// EXIF orientation says, as viewers show them.
    pub ignore_orientation: bool,
}
