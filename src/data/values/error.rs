//! Numbers of files that no picture can show.

use std::path::PathBuf;

use super::range::RangeError;

/// What is wrong with the numbers of a file, or with what is said about them. Texts name fields in
/// backticks, as errors of a configuration do.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ValueError {
    /// Numbers whose black and white nobody knows.
    #[error(
        "{}: {what}, or say which numbers are black and white: `reading.value_range` LO..HI (for \
         outputs of a training `reading.output_value_range`)",
        path.display()
    )]
    NoRange {
        /// The file.
        path: PathBuf,
        /// What they are, with the range found, and how a file without them would be made.
        what: String,
    },
    /// A pixel without a number.
    #[error(
        "{}: the pixel at ({}, {}) has {}, channel {}; fill such pixels, or use `reading.nodata` \
         VALUE{}",
        path.display(), at[0], at[1], missing_words(*found), channel + 1,
        if *has_range { "" } else { " with `reading.value_range` LO..HI" }
    )]
    Missing {
        /// The file.
        path: PathBuf,
        /// Column and row.
        at: [u32; 2],
        /// The channel, from 0.
        channel: usize,
        /// NaN, or the number that the file itself calls no data.
        found: f64,
        /// Whether it was said what black and white are.
        has_range: bool,
    },
    /// A combined image, for whose halves different things are said.
    #[error(
        "{}: both halves of a combined A|B image are read alike; give `reading.value_range` and \
         `reading.output_value_range` the same numbers, or put inputs into A/ and targets into B/",
        path.display()
    )]
    Halves {
        /// The file.
        path: PathBuf,
    },
    /// Missing values are to be filled where they are not looked for.
    #[error(
        "`reading.nodata` does nothing without a value range; add `reading.value_range` or \
         `reading.output_value_range`"
    )]
    NodataAlone,
    /// Missing values are to be filled with a number that the range does not have.
    #[error(
        "`reading.nodata` {nodata} lies outside of the value range {range}; missing values are \
         filled with it, so take a number from there"
    )]
    NodataOutside {
        /// The number.
        nodata: f64,
        /// The range.
        range: super::range::ValueRange,
    },
    /// Files without a number: no range can be measured.
    #[error(
        "{}: its files have no numbers, only missing values; say `reading.value_range` LO..HI",
        folder.display()
    )]
    NoNumbers {
        /// The data set.
        folder: PathBuf,
    },
    /// Files that have one number only: no range can be measured.
    #[error("{}: {source}; say `reading.value_range` LO..HI", folder.display())]
    Measured {
        /// The data set.
        folder: PathBuf,
        /// What is wrong with the range that was found.
        source: RangeError,
    },
}

fn missing_words(found: f64) -> String {
    if found.is_nan() {
        "no number (NaN)".to_owned()
    } else {
        format!("{found}, which the file calls no data")
    }
}
