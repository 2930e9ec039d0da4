//! Whether images look like pairs side by side. Only their headers are read.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek};
use std::path::{Path, PathBuf};

use image::{ImageDecoder, ImageFormat, ImageReader};
use tiff::decoder::Decoder;

use super::error::{DataError, PairingError};
use super::found::{FoundSplit, Pairing};
use super::open_exr::size_of_exr;
use super::orientation::{is_quarter_turn, orientation_of};
use super::pair_source::PairSource;
use super::read::format_of;
use super::remark::{Remark, RemarkKind};

/// Width and height of an image by the head of its file. `as_stored` is how they are stored,
/// otherwise they are those that viewers show. `None` if the file has none that is known here; then
/// the decoder says more.
pub(super) fn size_of(path: &Path, as_stored: bool) -> Option<(u32, u32)> {
    // Anything but a file would block or fail.
    path.is_file().then_some(())?;
    let mut file = BufReader::new(File::open(path).ok()?);
    let format = format_of(file.fill_buf().ok()?)?;
    let (width, height) = match format {
        // The `image` crate knows only some kinds of TIFF.
        ImageFormat::Tiff => Decoder::new(&mut file).ok()?.dimensions().ok()?,
        ImageFormat::OpenExr => size_of_exr(&mut file)?,
        _ => {
            let decoder = ImageReader::with_format(&mut file, format).into_decoder();
            decoder.ok()?.dimensions()
        }
    };
    if as_stored {
        return Some((width, height));
    }
    file.rewind().ok()?;
    Some(match is_quarter_turn(orientation_of(format, &mut file)) {
        true => (height, width),
        false => (width, height),
    })
}

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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::data::ReadOptions;
    use crate::data::tests::{orientation, tiff_samples};

    /// Whatever can be read has the size that is found in the head of its file.
    #[test]
    fn the_head_of_every_kind_of_file_has_the_size_of_its_picture() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let mut files = orientation::corpus();
        files.extend(tiff_samples::corpus());
        let mut read = 0;
        for bytes in files {
            std::fs::write(&path, &bytes).unwrap();
            for ignore_orientation in [false, true] {
                let options = ReadOptions {
                    ignore_orientation,
                    ..ReadOptions::default()
                };
                if let Ok(picture) = options.read(&path, &mut Default::default()) {
                    read += 1;
                    let size = size_of(&path, ignore_orientation);
                    assert_eq!(size, Some(picture.dimensions()), "{:?}", &bytes[..8]);
                }
            }
        }
        assert!(read > 16, "{read}");
    }

    #[test]
    fn the_length_of_a_chunk_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.webp");
        std::fs::write(&path, orientation::webp_that_says_too_much()).unwrap();
        let (width, height) = size_of(&path, true).unwrap();
        assert_eq!(size_of(&path, false), Some((height, width)));
    }
}
