//! One pair of images: where it comes from, and how it is read.

use std::fmt;
use std::path::{Path, PathBuf};

use super::error::{DataError, PairingError};
use super::head::{are_turned_apart, size_of};
use super::picture::{Images, Picture};
use super::read_options::ReadOptions;
use super::read_tally::ReadTally;
use super::values::ValueError;

/// Where a pair comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum PairSource {
    /// One file, A in its left half and B in its right one.
    Combined(PathBuf),
    /// A file each.
    Separate {
        /// The file in `A/`, then those in `A2/` and so on.
        a: Vec<PathBuf>,
        /// The file in `B/`, then those in `B2/` and so on.
        b: Vec<PathBuf>,
    },
    /// A combined image that is decoded already.
    Memory {
        /// What the pair is called, like a file name without its ending.
        name: String,
        /// A in its left half and B in its right one.
        image: Picture,
    },
}

/// The first file, or the name of a pair in memory. For messages.
impl fmt::Display for PairSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PairSource::Combined(path) => path.display().fmt(f),
            PairSource::Separate { a, .. } => {
                a.first().map_or(Ok(()), |path| path.display().fmt(f))
            }
            PairSource::Memory { name, .. } => f.write_str(name),
        }
    }
}

impl PairSource {
    /// The files that the pair is read from. A pair in memory has none.
    pub fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        let (a, b) = match self {
            PairSource::Combined(path) => (std::slice::from_ref(path), &[][..]),
            _ => self.files(),
        };
        a.iter().chain(b)
    }

    /// The files of A and those of B. A combined image is of both.
    pub fn files(&self) -> (&[PathBuf], &[PathBuf]) {
        match self {
            PairSource::Combined(path) => (std::slice::from_ref(path), std::slice::from_ref(path)),
            PairSource::Separate { a, b } => (a, b),
            PairSource::Memory { .. } => (&[], &[]),
        }
    }

    /// The whole image of a source that has only one file. It is not cut.
    ///
    /// # Errors
    /// Those of [`ReadOptions::read`].
    pub fn read_whole(
        &self,
        reading: &ReadOptions,
        tally: &mut ReadTally,
    ) -> Option<Result<(PathBuf, Picture), DataError>> {
        match self {
            PairSource::Combined(path) => {
                let picture = reading.read(path, tally);
                Some(picture.map(|picture| (path.clone(), picture)))
            }
            PairSource::Memory { name, image } => Some(Ok((name.into(), image.clone()))),
            PairSource::Separate { .. } => None,
        }
    }

    /// Reads the images (A, B), all of the same size. The two sides are read as `reading` says of
    /// each. A pair in memory is read already.
    ///
    /// # Errors
    /// Those of [`ReadOptions::read`], [`DataError::Unusable`] for several files,
    /// [`DataError::OddWidth`], [`PairingError::Sizes`] and [`ValueError::Halves`].
    pub fn read(
        &self,
        reading: &[ReadOptions; 2],
        tally: &mut ReadTally,
    ) -> Result<(Images, Images), DataError> {
        let halves = |combined: &Picture, path: &Path| {
            let (a, b) = split_combined(combined, path)?;
            Ok((vec![(path.to_owned(), a)], vec![(path.to_owned(), b)]))
        };
        match self {
            PairSource::Combined(path) => match reading {
                [a, b] if a == b => halves(&a.read(path, tally)?, path),
                _ => Err(ValueError::Halves { path: path.clone() }.into()),
            },
            PairSource::Memory { name, image } => halves(image, Path::new(name)),
            PairSource::Separate { a, b } => {
                let (mut all, mut errors) = (Images::new(), Vec::new());
                let sides = a.iter().map(|path| (path, &reading[0]));
                for (path, options) in sides.chain(b.iter().map(|path| (path, &reading[1]))) {
                    match options.read(path, tally) {
                        Ok(image) => all.push((path.clone(), image)),
                        Err(error) => errors.push(error),
                    }
                }
                if let Some(error) = DataError::of_files(errors) {
                    return Err(error);
                }
                check_sizes(&all)?;
                if !reading[0].ignore_orientation && are_turned_apart(self.paths()) {
                    tally.count_turned_apart(&all[0].0);
                }
                let b = all.split_off(a.len());
                Ok((all, b))
            }
        }
    }
}

/// Whether all images have the size of the first.
///
/// # Errors
/// [`PairingError::Sizes`].
pub fn check_sizes(images: &[(PathBuf, Picture)]) -> Result<(), DataError> {
    check_alike(
        images
            .iter()
            .map(|(path, image)| (path, image.dimensions())),
    )
}

/// Whether all files have the width and height of the first.
pub(super) fn check_alike<'a>(
    mut sizes: impl Iterator<Item = (&'a PathBuf, (u32, u32))>,
) -> Result<(), DataError> {
    let Some((a, a_size)) = sizes.next() else {
        return Ok(());
    };
    match sizes.find(|&(_, size)| size != a_size) {
        None => Ok(()),
        Some((b, b_size)) => Err(PairingError::Sizes {
            a: a.clone(),
            a_size,
            b: b.clone(),
            b_size,
            as_stored: [true, false].into_iter().find(|&as_stored| {
                let size = size_of(a, as_stored);
                size.is_some() && size == size_of(b, as_stored)
            }),
        }
        .into()),
    }
}

/// Cuts a combined image into its left half A and its right half B; `path` only names it in the
/// error.
///
/// # Errors
/// [`DataError::OddWidth`] for a width that is odd or 0.
pub fn split_combined(ab: &Picture, path: &Path) -> Result<(Picture, Picture), DataError> {
    let (width, height) = ab.dimensions();
    if width == 0 || width % 2 == 1 {
        return Err(DataError::OddWidth {
            path: path.to_owned(),
            width,
        });
    }
    let half = |left: u32| ab.crop(left, 0, width / 2, height);
    Ok((half(0), half(width / 2)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use image::RgbImage;

    #[test]
    fn combined_images_are_cut_in_the_middle() {
        let ab = RgbImage::from_fn(4, 2, |x, y| image::Rgb([x as u8, y as u8, 0])).into();
        let (a, b) = split_combined(&ab, Path::new("ab.png")).unwrap();
        assert_eq!((a.dimensions(), b.dimensions()), ((2, 2), (2, 2)));
        assert_eq!(
            (a.pixel(1, 1).collect(), b.pixel(0, 1).collect()),
            (vec![1, 1, 0], vec![2, 1, 0])
        );
        for width in [0, 1, 5] {
            let error =
                split_combined(&RgbImage::new(width, 3).into(), Path::new("ab.png")).unwrap_err();
            assert!(
                matches!(error, DataError::OddWidth { width: w, .. } if w == width),
                "{error}"
            );
        }
    }
}
