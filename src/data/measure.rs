//! Value ranges that are measured on a data set.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::error::DataError;
use super::limits::SizeLimit;
use super::pairs::find_pairs;
use super::parallel::in_parallel;
use super::read::extent_of;
use super::split::{Direction, Split};
use super::values::{Extent, ValueError, ValueRange};
use crate::threads::count;

/// One side of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What the network is given.
    Input,
    /// What it should make of it.
    Output,
}

/// A range that was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasuredRange {
    /// From the least to the largest number.
    pub range: ValueRange,
    /// An end of it that may stand for missing values.
    pub suspect: Option<SuspectMark>,
}

/// A number that often stands for missing values, in files that do not say what it is.
#[derive(Clone, Debug, PartialEq)]
pub struct SuspectMark {
    side: Side,
    number: f64,
    /// The range of all other numbers.
    others: ValueRange,
    /// Files that have it.
    files: usize,
    example: PathBuf,
}

/// One line.
impl fmt::Display for SuspectMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            number,
            others,
            files,
            ..
        } = self;
        let field = match self.side {
            Side::Input => "reading.value_range",
            Side::Output => "reading.output_value_range",
        };
        write!(
            f,
            "{number} may stand for missing values, because all other numbers lie in {others}; \
             files with it that do not say so: {files}, such as {}; `{field}` {others} takes it \
             for the nearest end, and `reading.nodata` VALUE fills it in files that mark it as no \
             data (GDAL_NODATA)",
            self.example.display()
        )
    }
}

/// The range from the least to the largest number in the training files of one side, where A and B
/// have so many `images`. Missing values do not count, and opacity only with `all_channels`. All
/// files are decoded, on every core. Of combined images both halves count. No file may have more
/// than `max_pixels`, as in [`ReadOptions`](super::ReadOptions).
///
/// # Errors
/// Those of listing the folder and of reading, [`ValueError::Measured`] if all numbers are one, and
/// [`ValueError::NoNumbers`] if there are none.
pub fn training_range(
    root: &Path,
    direction: Direction,
    images: (usize, usize),
    side: Side,
    all_channels: bool,
    max_pixels: Option<u64>,
) -> Result<MeasuredRange, DataError> {
    let pairs = find_pairs(root, direction.order(images))?;
    let training = pairs.iter().filter(|(split, _)| *split == Split::Train);
    let files: Vec<&PathBuf> = training
        .flat_map(|(_, sources)| sources)
        .flat_map(|source| {
            let (input, output) = direction.order(source.files());
            match side {
                Side::Input => input,
                Side::Output => output,
            }
        })
        .collect();
    let limit = max_pixels.map_or(SizeLimit::Usual, SizeLimit::Pixels);
    let extents = extents_of(&files, limit, all_channels)?;
    let all = extents
        .iter()
        .copied()
        .fold(Extent::default(), Extent::join);
    if all.low > all.high {
        let folder = root.to_owned();
        return Err(ValueError::NoNumbers { folder }.into());
    }
    let range = ValueRange::new(all.low, all.high).map_err(|source| ValueError::Measured {
        folder: root.to_owned(),
        source,
    })?;
    let suspect = all.suspect().and_then(|(number, others)| {
        let each = files.iter().zip(&extents);
        let mut found = each.filter(|(_, extent)| extent.ends_at(number));
        let example = found.next()?.0.to_path_buf();
        Some(SuspectMark {
            side,
            number,
            others,
            files: 1 + found.count(),
            example,
        })
    });
    Ok(MeasuredRange { range, suspect })
}

/// The least and the largest number of each file.
fn extents_of(
    files: &[&PathBuf],
    limit: SizeLimit,
    all_channels: bool,
) -> Result<Vec<Extent>, DataError> {
    let extents = Mutex::new(vec![Extent::default(); files.len()]);
    let numbered: Vec<(usize, &&PathBuf)> = files.iter().enumerate().collect();
    in_parallel(&numbered, count(), |&(index, path)| {
        let extent = extent_of(path, limit, all_channels)?;
        let mut extents = extents.lock().unwrap_or_else(PoisonError::into_inner);
        extents[index] = extent;
        Ok::<(), DataError>(())
    })?;
    Ok(extents.into_inner().unwrap_or_else(PoisonError::into_inner))
}
