//! The jitter of a training pair, and bytes to floats.
//!
//! Paper, section 6.2: "random jitter was applied by resizing the 256x256 input images to 286x286
//! and then randomly cropping back"; mirroring is part of it in the reference. Both images of a
//! pair get the same crop and the same mirroring.

use std::path::Path;

use image::RgbImage;

use super::depth::Depth;
use super::error::DataError;
use super::pair_source::split_combined;
use super::picture::Picture;
use super::random::{Stream, below, draw};
use super::resize::resize;

/// A crop window and whether it is mirrored afterwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Jitter {
    /// Left edge of the crop, in pixels.
    pub crop_x: u32,
    /// Top edge of the crop, in pixels.
    pub crop_y: u32,
    /// Mirrors left and right.
    pub flip: bool,
}

/// The random numbers of a pair in an epoch. Where they put the crop depends on the size of its
/// pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chance {
    /// Where the crop is from left to right: a random word, of all positions that there are.
    pub x: u32,
    /// Where it is from top to bottom.
    pub y: u32,
    /// Mirrors left and right.
    pub flip: bool,
}

impl Chance {
    /// The random numbers of pair `pair` in an epoch. Half of the pairs are mirrored; none without
    /// `mirror`.
    pub fn draw(seed: u64, epoch: u32, pair: usize, mirror: bool) -> Self {
        let [x, y, flip, _] = draw(seed, Stream::Jitter, epoch, pair as u64);
        Self {
            x,
            y,
            flip: mirror && below(flip, 2) == 1,
        }
    }

    /// The jitter of a picture of this width and height. Every position of a crop of size `window`
    /// is equally likely.
    ///
    /// If a side is not longer than that of the window, the crop begins at 0.
    pub fn jitter(self, (width, height): (u32, u32), window: (u32, u32)) -> Jitter {
        let positions = |side: u32, window: u32| side.saturating_sub(window).saturating_add(1);
        Jitter {
            crop_x: below(self.x, positions(width, window.0)),
            crop_y: below(self.y, positions(height, window.1)),
            flip: self.flip,
        }
    }
}

impl Jitter {
    /// The crop of `window`, width and height, mirrored where this jitter says so.
    ///
    /// # Errors
    /// [`DataError::CropOutside`] when the window leaves the picture.
    pub fn apply(self, image: &Picture, window: (u32, u32)) -> Result<Picture, DataError> {
        let (width, height) = image.dimensions();
        let fits = |start: u32, length: u32, side: u32| {
            start.checked_add(length).is_some_and(|end| end <= side)
        };
        if !fits(self.crop_x, window.0, width) || !fits(self.crop_y, window.1, height) {
            let Self { crop_x, crop_y, .. } = self;
            return Err(DataError::CropOutside {
                width,
                height,
                window,
                crop_x,
                crop_y,
            });
        }
        let column = |x: u32| self.crop_x + if self.flip { window.0 - 1 - x } else { x };
        Ok(image.rearrange(window.0, window.1, |x, y| (column(x), self.crop_y + y)))
    }
}

/// The reference's whole preparation of one combined image: cut in the middle, resize each half to
/// `load_size` x `load_size`, crop `crop_size` x `crop_size`, mirror. Gives (A, B); [`to_unit`]
/// makes floats of their bytes.
///
/// # Errors
/// [`DataError::OddWidth`] and [`DataError::CropOutside`].
pub fn preprocess_pair(
    ab: &RgbImage,
    load_size: u32,
    crop_size: u32,
    jitter: Jitter,
) -> Result<(RgbImage, RgbImage), DataError> {
    let (a, b) = split_combined(&ab.clone().into(), Path::new("the combined image"))?;
    let prepare = |half: &Picture| {
        Ok::<_, DataError>(
            (&jitter.apply(&resize(half, load_size, load_size), (crop_size, crop_size))?).into(),
        )
    };
    Ok((prepare(&a)?, prepare(&b)?))
}

/// A byte to -1..1: [`Depth::to_unit`].
pub fn to_unit(byte: u8) -> f32 {
    Depth::Eight.to_unit(byte.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn coordinates(side: u32) -> Picture {
        RgbImage::from_fn(side, side, |x, y| image::Rgb([x as u8, y as u8, 7])).into()
    }

    fn corners(picture: &Picture) -> [Vec<u16>; 2] {
        [
            picture.pixel(0, 0).collect(),
            picture
                .pixel(picture.width() - 1, picture.height() - 1)
                .collect(),
        ]
    }

    #[test]
    fn crops_and_mirrors() {
        let jitter = |flip| Jitter {
            crop_x: 2,
            crop_y: 3,
            flip,
        };
        let plain = jitter(false).apply(&coordinates(10), (4, 5)).unwrap();
        assert_eq!(corners(&plain), [[2, 3, 7], [5, 7, 7]]);
        let mirrored = jitter(true).apply(&coordinates(10), (4, 4)).unwrap();
        assert_eq!(corners(&mirrored), [[5, 3, 7], [2, 6, 7]]);
    }

    #[test]
    fn a_crop_outside_the_image_is_a_typed_error() {
        for (crop_x, crop_y, window) in [
            (7, 0, (4, 1)),
            (0, 7, (1, 4)),
            (0, 0, (11, 11)),
            (u32::MAX, 0, (4, 4)),
        ] {
            let error = Jitter {
                crop_x,
                crop_y,
                flip: true,
            }
            .apply(&coordinates(10), window)
            .unwrap_err();
            assert!(matches!(error, DataError::CropOutside { .. }), "{error}");
        }
        let odd = preprocess_pair(&RgbImage::new(5, 2), 4, 4, Jitter::default()).unwrap_err();
        assert!(matches!(odd, DataError::OddWidth { width: 5, .. }), "{odd}");
    }

    #[test]
    fn jitter_uses_every_position_and_both_mirrorings() {
        let mut seen = std::collections::BTreeSet::new();
        for pair in 0..400 {
            let jitter = |sides, mirror| Chance::draw(1, 0, pair, mirror).jitter(sides, (4, 4));
            let square = jitter((6, 6), true);
            seen.insert((square.crop_x, square.crop_y, square.flip));
            assert_eq!(
                jitter((6, 4), false),
                Jitter {
                    crop_y: 0,
                    flip: false,
                    ..square
                }
            );
            assert_eq!(
                jitter((3, 6), true),
                Jitter {
                    crop_x: 0,
                    ..square
                }
            );
        }
        assert_eq!(seen.len(), 3 * 3 * 2);
        assert_eq!(
            Chance::draw(1, 0, 5, false).jitter((4, 4), (4, 4)),
            Jitter::default()
        );
        let jitter = |epoch| Chance::draw(1, epoch, 5, true).jitter((286, 286), (256, 256));
        assert_ne!(jitter(0), jitter(1));
    }

    #[test]
    fn bytes_and_floats() {
        assert_eq!((to_unit(0), to_unit(255)), (-1.0, 1.0));
        assert!(
            (0..=255).all(|byte| (to_unit(byte) - (f32::from(byte) / 127.5 - 1.0)).abs() < 1e-7)
        );
        let values = [-1.0, 1.0, 0.0, -7.0, 7.0, f32::NAN, f32::INFINITY];
        assert_eq!(
            values.map(|value| Depth::Eight.to_sample(value)),
            [0, 255, 127, 0, 255, 0, 255]
        );
    }
}
