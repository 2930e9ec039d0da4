//! How pairs are prepared for the networks: which side is the input, what pixels mean, and how
//! pictures are resized.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::DataError;
use super::limits::MAX_SIDE;
use super::pair_source::PairSource;
use super::picture::{Images, Picture};
use super::pixels::Pixels;
use super::read_options::PairReading;
use super::read_tally::ReadTally;
use super::split::Direction;

/// An (input, target) pair of pictures of the same size.
pub type Pair = (Picture, Picture);

/// How a picture is resized, and whether a square is cropped out of it then: the modes of the
/// PyTorch reference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Preprocess {
    /// Resized to a square of the load size, cropped
    #[default]
    ResizeAndCrop,
    /// Cropped as they are
    Crop,
    /// Scaled to the load size in width, in proportion in height (at least the crop's), cropped
    ScaleWidthAndCrop,
    /// Whole, scaled to the load size in width and in proportion in height
    ScaleWidth,
    /// Whole and as they are
    None,
}

impl Preprocess {
    /// Whether the networks see whole pictures, each in its own size, instead of crops of one size.
    pub fn is_whole(self) -> bool {
        matches!(self, Preprocess::ScaleWidth | Preprocess::None)
    }

    /// Width and height, in pixels, that a picture of `(width, height)` is resized to; where crops
    /// are taken they are of `size` x `size`. The height in proportion is rounded down, as in the
    /// reference.
    pub fn resized(self, (width, height): (u32, u32), load_size: u32, size: u32) -> (u32, u32) {
        let scaled = |least: u32| {
            let scaled = u64::from(load_size) * u64::from(height) / u64::from(width.max(1));
            (
                load_size,
                u32::try_from(scaled).unwrap_or(u32::MAX).max(least),
            )
        };
        match self {
            Preprocess::ResizeAndCrop => (load_size, load_size),
            Preprocess::Crop | Preprocess::None => (width, height),
            Preprocess::ScaleWidthAndCrop => scaled(size),
            Preprocess::ScaleWidth => scaled(1),
        }
    }
}

/// What a pair is prepared for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Random crops. The picture has the load size; it is not cropped yet.
    Training,
    /// Sample grids and scores. Nothing is random: the load size is the size, and the middle is
    /// taken.
    Showing,
}

/// How pairs are prepared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataOptions {
    /// Side of the crops that the networks see, in pixels.
    pub size: u32,
    /// How pictures are resized, and whether they are cropped.
    #[serde(default)]
    pub preprocess: Preprocess,
    /// Side that training images are resized to before the random crop, in pixels; equal to `size`
    /// for no random crop of squares.
    pub load_size: u32,
    /// Mirrors half of the training samples.
    pub mirror: bool,
    /// Which side of a pair is the input.
    pub direction: Direction,
    /// How the files are read.
    #[serde(default)]
    pub reading: PairReading,
    /// What the channels of input images mean.
    pub input: Pixels,
    /// What those of target images mean.
    pub target: Pixels,
    /// Bytes of memory for prepared pairs. A split that does not fit into the rest is read again at
    /// each use.
    pub memory_budget: u64,
}

impl DataOptions {
    /// The reference's preparation at `size`: jitter from [`default_load_size`], mirroring, A to B;
    /// 2 GiB of memory.
    pub fn new(size: u32) -> Self {
        Self {
            size,
            preprocess: Preprocess::default(),
            load_size: default_load_size(size),
            mirror: true,
            direction: Direction::AtoB,
            reading: PairReading::default(),
            input: Pixels::Rgb,
            target: Pixels::Rgb,
            memory_budget: 2 << 30,
        }
    }

    /// Reads a pair, ordered and in the channels of each side. What is to be told of its files is
    /// counted in `tally`.
    pub(super) fn read(
        &self,
        source: &PairSource,
        tally: &mut ReadTally,
    ) -> Result<Pair, DataError> {
        self.gather(&self.images(source, tally)?)
    }

    /// Reads the images of a pair as they are, ordered; the rest is as for reading a pair.
    pub(super) fn images(
        &self,
        source: &PairSource,
        tally: &mut ReadTally,
    ) -> Result<(Images, Images), DataError> {
        let reading = self
            .reading
            .ordered(self.direction, &self.input, &self.target)?;
        let whole = if Pixels::are_parts(&self.input, &self.target) {
            source.read_whole(&reading[0], tally)
        } else {
            None
        };
        match whole {
            Some(picture) => picture.map(|picture| (vec![picture.clone()], vec![picture])),
            None => Ok(self.direction.order(source.read(&reading, tally)?)),
        }
    }

    /// The files of these images whose opacity is lost in the channels of their side.
    pub(super) fn without_opacity(&self, (input, target): &(Images, Images)) -> Vec<PathBuf> {
        let lost = self.input.without_opacity(input);
        lost.chain(self.target.without_opacity(target))
            .cloned()
            .collect()
    }

    /// The images of a pair in the channels of each side.
    pub(super) fn gather(&self, (input, target): &(Images, Images)) -> Result<Pair, DataError> {
        input
            .iter()
            .try_for_each(|(path, picture)| self.check_picture(path, picture.dimensions()))?;
        Ok((self.input.gather(input)?, self.target.gather(target)?))
    }

    /// Width and height that the networks see of pictures of `dimensions`.
    pub(super) fn seen(&self, dimensions: (u32, u32)) -> (u32, u32) {
        match self.preprocess.is_whole() {
            true => self
                .preprocess
                .resized(dimensions, self.load_size, self.size),
            false => (self.size, self.size),
        }
    }

    /// Resizes both sides of a pair that was read; for showing also cuts out the middle, unless
    /// pictures are whole.
    pub(super) fn prepare(&self, (input, target): &Pair, purpose: Purpose) -> Pair {
        let prepare = |pixels: &Pixels, picture: &Picture| match purpose {
            Purpose::Showing if !self.preprocess.is_whole() => {
                let resized = self.resize(pixels, picture, self.size);
                let margin = |side: u32| side.saturating_sub(self.size) / 2;
                resized.crop(
                    margin(resized.width()),
                    margin(resized.height()),
                    self.size,
                    self.size,
                )
            }
            _ => self.resize(pixels, picture, self.load_size),
        };
        (prepare(&self.input, input), prepare(&self.target, target))
    }

    fn resize(&self, pixels: &Pixels, picture: &Picture, load_size: u32) -> Picture {
        let (width, height) = self
            .preprocess
            .resized(picture.dimensions(), load_size, self.size);
        if (width, height) == picture.dimensions() {
            picture.clone()
        } else {
            pixels.resize(picture, width, height)
        }
    }

    /// Refuses sizes that contradict each other.
    pub(super) fn check(&self) -> Result<(), DataError> {
        let Self {
            size, load_size, ..
        } = *self;
        if size == 0 || size > load_size || load_size > MAX_SIDE {
            return Err(DataError::Sizes {
                size,
                load_size,
                max_side: MAX_SIDE,
            });
        }
        Ok(())
    }

    /// Refuses a picture that is smaller than the crop, or that would be resized beyond the largest
    /// size of a file.
    fn check_picture(&self, path: &Path, (width, height): (u32, u32)) -> Result<(), DataError> {
        let Self {
            size, load_size, ..
        } = *self;
        let path = || PathBuf::from(path);
        match self.preprocess.resized((width, height), load_size, size) {
            sides if !self.preprocess.is_whole() && (sides.0 < size || sides.1 < size) => {
                Err(DataError::TooSmall {
                    path: path(),
                    width,
                    height,
                    size,
                })
            }
            (_, scaled) if scaled > MAX_SIDE => Err(DataError::TooTall {
                path: path(),
                width,
                height,
                load_size,
                scaled,
                max_side: MAX_SIDE,
            }),
            _ => Ok(()),
        }
    }
}

/// The load size in the proportion of the reference's 286 to 256, rounded, and at most the largest
/// side of a picture.
pub fn default_load_size(size: u32) -> u32 {
    let rounded = (u64::from(size) * 286 + 128) / 256;
    u32::try_from(rounded)
        .unwrap_or(u32::MAX)
        .min(MAX_SIDE.max(size))
}

#[cfg(test)]
#[allow(clippy::panic, clippy::unwrap_used)]
mod tests {
    use super::*;
    use image::RgbImage;

    fn options(preprocess: Preprocess) -> DataOptions {
        DataOptions {
            preprocess,
            load_size: 9,
            ..DataOptions::new(8)
        }
    }

    /// A combined image whose halves are `width` x `height`, each pixel its own place in its half.
    fn source(width: u32, height: u32) -> PairSource {
        let image = RgbImage::from_fn(2 * width, height, |x, y| {
            image::Rgb([(x % width) as u8, y as u8, 7])
        })
        .into();
        PairSource::Memory {
            name: "pair-7".to_owned(),
            image,
        }
    }

    /// What a pair is prepared to, for both purposes.
    fn prepared(preprocess: Preprocess, width: u32, height: u32) -> [Picture; 2] {
        let options = options(preprocess);
        let pair = options
            .read(&source(width, height), &mut ReadTally::default())
            .unwrap();
        [Purpose::Training, Purpose::Showing].map(|purpose| {
            let (input, target) = options.prepare(&pair, purpose);
            assert_eq!(input, target);
            input
        })
    }

    #[test]
    fn defaults_are_the_papers() {
        let sizes = [(256, 286), (128, 143), (64, 72), (1, 1)];
        assert!(
            sizes
                .iter()
                .all(|&(size, load)| default_load_size(size) == load)
        );
        assert_eq!(default_load_size(u32::MAX), u32::MAX);
    }

    /// The rows of the reference: `int(max(load_size * h / w, size))` beside the load size.
    #[test]
    fn heights_follow_the_width_down_to_the_crop() {
        let scaled =
            |width, height| Preprocess::ScaleWidthAndCrop.resized((width, height), 286, 256);
        assert_eq!(
            [
                scaled(256, 256),
                scaled(600, 400),
                scaled(400, 600),
                scaled(3, 4)
            ],
            [(286, 286), (286, 256), (286, 429), (286, 381)]
        );
        assert_eq!(scaled(1, u32::MAX), (286, u32::MAX));
        let whole = |width, height| Preprocess::ScaleWidth.resized((width, height), 286, 256);
        assert_eq!(
            [
                whole(256, 256),
                whole(600, 400),
                whole(400, 600),
                whole(999, 1)
            ],
            [(286, 286), (286, 190), (286, 429), (286, 1)]
        );
        assert_eq!(
            [Preprocess::Crop, Preprocess::None].map(|mode| mode.resized((600, 400), 286, 256)),
            [(600, 400); 2]
        );
        assert_eq!(
            Preprocess::ResizeAndCrop.resized((600, 400), 286, 256),
            (286, 286)
        );
    }

    #[test]
    fn squares_are_resized_to_the_load_size_or_to_the_size() {
        let [training, showing] = prepared(Preprocess::ResizeAndCrop, 20, 13);
        assert_eq!(
            (training.dimensions(), showing.dimensions()),
            ((9, 9), (8, 8))
        );
        let whole: Picture =
            RgbImage::from_fn(20, 13, |x, y| image::Rgb([x as u8, y as u8, 7])).into();
        assert_eq!(showing, Pixels::Rgb.resize(&whole, 8, 8));
    }

    #[test]
    fn a_crop_is_of_the_picture_itself() {
        let [training, showing] = prepared(Preprocess::Crop, 20, 13);
        assert_eq!(
            (training.dimensions(), showing.dimensions()),
            ((20, 13), (8, 8))
        );
        assert_eq!(training.pixel(19, 12).collect::<Vec<_>>(), [19, 12, 7]);
        assert_eq!(
            showing.pixel(0, 0).collect::<Vec<_>>(),
            [6, 2, 7],
            "the middle, rounded to the upper left"
        );
    }

    #[test]
    fn scaling_the_width_keeps_the_shape() {
        let [training, showing] = prepared(Preprocess::ScaleWidthAndCrop, 18, 40);
        assert_eq!(
            (training.dimensions(), showing.dimensions()),
            ((9, 20), (8, 8))
        );
        let whole: Picture =
            RgbImage::from_fn(18, 40, |x, y| image::Rgb([x as u8, y as u8, 7])).into();
        // 8 * 40 / 18 is 17.8: nine rows are left out, four of them above.
        assert_eq!(showing, Pixels::Rgb.resize(&whole, 8, 17).crop(0, 4, 8, 8));
        let [wide, _] = prepared(Preprocess::ScaleWidthAndCrop, 40, 18);
        assert_eq!(wide.dimensions(), (9, 8));
    }

    #[test]
    fn whole_pictures_are_the_same_for_both_purposes() {
        let [training, showing] = prepared(Preprocess::None, 20, 3);
        assert!(training == showing && training.dimensions() == (20, 3));
        let [training, showing] = prepared(Preprocess::ScaleWidth, 18, 7);
        assert!(training == showing && training.dimensions() == (9, 3));
        let seen = |preprocess| options(preprocess).seen((18, 7));
        assert_eq!(
            [Preprocess::None, Preprocess::ScaleWidth, Preprocess::Crop].map(seen),
            [(18, 7), (9, 3), (8, 8)]
        );
        assert!(
            options(Preprocess::None)
                .read(&source(1, 2000), &mut ReadTally::default())
                .is_ok()
        );
        let tall =
            options(Preprocess::ScaleWidth).read(&source(1, 2000), &mut ReadTally::default());
        assert!(matches!(tall, Err(DataError::TooTall { .. })), "{tall:?}");
    }

    #[test]
    fn pictures_that_hold_no_crop_are_typed_errors() {
        for (width, height) in [(7, 20), (20, 7)] {
            let error = options(Preprocess::Crop)
                .read(&source(width, height), &mut ReadTally::default())
                .unwrap_err();
            let DataError::TooSmall { size: 8, path, .. } = &error else {
                panic!("{error}")
            };
            assert!(path.ends_with("pair-7"), "{error}");
            assert!(
                options(Preprocess::ScaleWidthAndCrop)
                    .read(&source(width, height), &mut ReadTally::default())
                    .is_ok()
            );
        }
        assert!(
            options(Preprocess::Crop)
                .read(&source(8, 8), &mut ReadTally::default())
                .is_ok()
        );
        let error = options(Preprocess::ScaleWidthAndCrop)
            .read(&source(1, 2000), &mut ReadTally::default())
            .unwrap_err();
        assert!(
            matches!(
                error,
                DataError::TooTall {
                    scaled: 18_000,
                    width: 1,
                    ..
                }
            ),
            "{error}"
        );
    }
}
