//! Options about how image files are read. `translate` and `prepare` have them; those of `train`
//! are settings of its run.

use crate::data::ReadOptions;
use clap::Args;

/// How image files are read.
#[derive(Debug, Clone, Args)]
pub struct ReadArgs {
    /// Images stay as they are stored. Without this they are turned as their EXIF orientation says,
    /// as viewers show them
    #[arg(long)]
    ignore_orientation: bool,
}

impl ReadArgs {
    /// The options of the library that these options ask for.
    pub fn options(&self) -> ReadOptions {
        ReadOptions {
            ignore_orientation: self.ignore_orientation,
        }
    }
}
