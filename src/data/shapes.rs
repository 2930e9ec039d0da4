//! Whether images look like pairs side by side. Only their headers are read.

use std::path::{Path, PathBuf};

use super::error::{DataError, PairingError};
use super::found::{FoundSplit, Pairing};
use super::head::size_of;
use super::pair_source::PairSource;
use super::remark::{Remark, RemarkKind};

/// The combined images of a split.
fn combined(found: &FoundSplit) -> impl Iterator<Item = &PathBuf> {
    found.pairs.iter().filter_map(|pair| match pair {
        PairSource::Combined(path) => Some(path),
        _ => None,
    })
}

/// Refuses a split whose images are all twice as high as wide or more: they may be pairs one above
/// the other, and halves of them would be stripes. Tells of halves that are much higher than wide:
/// pairs of tall pictures look so, and so do single pictures that are no pairs.
///
/// # Errors
/// [`PairingError::NotSideBySide`].
pub(super) fn check_halves(
    found: &FoundSplit,
    as_stored: bool,
) -> Result<Option<Remark>, DataError> {
    if !matches!(found.pairing, Pairing::Combined(_)) {
        return Ok(None);
    }
    let sizes: Vec<(&PathBuf, u64, u64)> = combined(found)
        .filter_map(|path| {
            let (width, height) = size_of(path, as_stored)?;
            Some((path, width.into(), height.into()))
        })
        .collect();
    let tall = |&(_, width, height): &(&PathBuf, u64, u64)| height >= 2 * width;
    if let (true, Some(&(path, width, height))) = (sizes.iter().all(tall), sizes.first()) {
        return Err(PairingError::NotSideBySide {
            path: path.clone(),
            width,
            height,
            count: sizes.len(),
        }
        .into());
    }
    // A half of 9:10 counts as a square.
    let narrow: Vec<&PathBuf> = sizes
        .iter()
        .filter(|(_, width, height)| 10 * width < 18 * height)
        .map(|&(path, ..)| path)
        .collect();
    Ok(narrow.first().map(|&example| Remark {
        kind: RemarkKind::NarrowHalves,
        count: narrow.len(),
        example: example.clone(),
    }))
}

/// Whether the images of `test` are inputs without targets: all of them have the shape of one side
/// of the training pairs, and not that of two sides.
pub(super) fn is_input_alone(test: &FoundSplit, train: &FoundSplit, as_stored: bool) -> bool {
    if !matches!(test.pairing, Pairing::Combined(_)) {
        return false;
    }
    let ratio = |path: &Path| {
        let (width, height) = size_of(path, as_stored)?;
        (height > 0).then(|| f64::from(width) / f64::from(height))
    };
    let side = train.pairs.first().and_then(|pair| match pair {
        PairSource::Combined(path) => Some(ratio(path)? / 2.0),
        PairSource::Separate { a, .. } => ratio(a.first()?),
        PairSource::Memory { .. } => None,
    });
    let Some(side) = side else { return false };
    let mut shapes = combined(test).filter_map(|path| ratio(path)).peekable();
    shapes.peek().is_some() && shapes.all(|shape| (shape / side - 1.0).abs() < 0.2)
}
