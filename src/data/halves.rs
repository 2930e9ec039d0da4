//! Combined pairs where one image is meant: a model translates their input half.

use super::error::DataError;
use super::head::size_of;
use super::pair_source::split_combined;
use super::picture::Picture;
use super::split::Direction;
use std::fmt;
use std::path::Path;

/// Which part of an image is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Half {
    /// The left half
    #[cfg_attr(feature = "cli", value(name = "A"))]
    A,
    /// The right half
    #[cfg_attr(feature = "cli", value(name = "B"))]
    B,
    /// The whole image
    #[cfg_attr(feature = "cli", value(name = "none"))]
    None,
}

impl fmt::Display for Half {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Half::A => "A",
            Half::B => "B",
            Half::None => "none",
        })
    }
}

impl Half {
    /// The half that is the input of a model of this direction.
    pub fn input_of(direction: Direction) -> Self {
        direction.order((Half::A, Half::B)).0
    }

    /// Whether it is a part of an image.
    pub fn is_part(self) -> bool {
        self != Half::None
    }

    /// The half beside this one. Of the whole image it is the whole image.
    pub fn other(self) -> Self {
        match self {
            Half::A => Half::B,
            Half::B => Half::A,
            Half::None => Half::None,
        }
    }

    /// This part of an image; `path` only names it in the error.
    ///
    /// # Errors
    /// [`DataError::OddWidth`] for a half of an image whose width is odd.
    pub fn of(self, image: Picture, path: &Path) -> Result<Picture, DataError> {
        Ok(match self {
            Half::A => split_combined(&image, path)?.0,
            Half::B => split_combined(&image, path)?.1,
            Half::None => image,
        })
    }
}

/// Whether images look like combined pairs of squares, which is what training sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Combined {
    /// None does.
    No,
    /// There is one image, twice as wide as high. It may be a picture of that shape.
    Perhaps,
    /// Some of several are twice as wide as high.
    Partly {
        /// How many.
        count: usize,
        /// Of how many.
        all: usize,
        /// Which is the first, counted from 0.
        first: usize,
    },
    /// There are several, all twice as wide as high; or one, of exactly the size of a pair of
    /// training images.
    Surely,
}

impl Combined {
    /// Looks at the sizes of `files`. `size` is the side of the training images. A file without a
    /// size decides nothing: who reads it says what is wrong.
    pub fn look<'a>(files: impl IntoIterator<Item = &'a Path>, size: u32) -> Self {
        Self::of_sizes(files.into_iter().map(|path| size_of(path, false)), size)
    }

    /// The same for images of these widths and heights.
    pub fn of_sizes(sizes: impl IntoIterator<Item = Option<(u32, u32)>>, size: u32) -> Self {
        let (mut all, mut count, mut first, mut exact) = (0, 0, None, true);
        for (index, side) in sizes.into_iter().enumerate() {
            let Some((width, height)) = side else {
                continue;
            };
            all += 1;
            if width > 0 && u64::from(width) == 2 * u64::from(height) {
                count += 1;
                first = first.or(Some(index));
                exact &= height == size;
            }
        }
        match first {
            None => Self::No,
            Some(first) if count < all => Self::Partly { count, all, first },
            Some(_) if count == 1 && !exact => Self::Perhaps,
            Some(_) => Self::Surely,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use image::RgbImage;
    use std::path::PathBuf;

    #[test]
    fn halves_are_cut_in_the_middle() {
        let image: Picture =
            RgbImage::from_fn(4, 2, |x, _| image::Rgb([if x < 2 { 1 } else { 2 }, 0, 0])).into();
        let first = |half: Half| {
            let part = half.of(image.clone(), Path::new("a")).unwrap();
            (part.dimensions(), part.bytes()[0])
        };
        assert_eq!(first(Half::A), ((2, 2), 1));
        assert_eq!(first(Half::B), ((2, 2), 2));
        assert_eq!(first(Half::None), ((4, 2), 1));
        let input = [Direction::AtoB, Direction::BtoA].map(Half::input_of);
        assert_eq!(input, [Half::A, Half::B]);
        let odd: Picture = RgbImage::new(5, 2).into();
        assert!(Half::A.of(odd, Path::new("a")).is_err());
    }

    #[test]
    fn combined_pairs_are_known_by_their_shape() {
        let folder = tempfile::tempdir().unwrap();
        let save = |name: &str, width, height| -> PathBuf {
            let path = folder.path().join(name);
            RgbImage::new(width, height).save(&path).unwrap();
            path
        };
        let (small, large) = (save("s.png", 64, 32), save("l.jpg", 96, 48));
        let (square, odd) = (save("q.png", 64, 64), save("o.png", 65, 32));
        let broken = folder.path().join("broken.png");
        std::fs::write(&broken, "no image").unwrap();
        let gone = folder.path().join("gone.png");
        let look = |files: &[&PathBuf]| Combined::look(files.iter().map(|file| file.as_path()), 32);
        assert_eq!(look(&[&small]), Combined::Surely);
        assert_eq!(look(&[&large]), Combined::Perhaps);
        assert_eq!(look(&[&small, &large, &broken]), Combined::Surely);
        for files in [&[&square, &odd][..], &[&odd], &[&broken], &[&gone], &[]] {
            assert_eq!(look(files), Combined::No, "{files:?}");
        }
        let partly = |count, all, first| Combined::Partly { count, all, first };
        assert_eq!(look(&[&large, &square]), partly(1, 2, 0));
        let files = [&gone, &odd, &small, &square, &small];
        assert_eq!(look(&files), partly(2, 4, 2));
    }
}
