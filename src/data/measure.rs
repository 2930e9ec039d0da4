//! Value ranges that are measured on a data set.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::error::DataError;
use super::pairs::find_pairs;
use super::parallel::in_parallel;
use super::read::extent_of;
use super::split::{Direction, Split};
use super::values::{Extent, ValueError, ValueRange};

/// One side of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What the network is given.
    Input,
    /// What it should make of it.
    Output,
}

/// The range from the least to the largest number in the training files of one side, where A and B
/// have so many `images`. Missing values do not count, and opacity only with `all_channels`. All
/// files are decoded, on every core. Of combined images both halves count.
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
) -> Result<ValueRange, DataError> {
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
    let found = Mutex::new(Extent::default());
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    in_parallel(&files, threads, |path| {
        let extent = extent_of(path, all_channels)?;
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        *found = found.join(extent);
        Ok::<(), DataError>(())
    })?;
    let Extent { low, high } = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    if low > high {
        let folder = root.to_owned();
        return Err(ValueError::NoNumbers { folder }.into());
    }
    let range = ValueRange::new(low, high).map_err(|source| ValueError::Measured {
        folder: root.to_owned(),
        source,
    });
    Ok(range?)
}
