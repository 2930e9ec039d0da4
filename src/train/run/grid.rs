//! Sample grids: one row an image, its input, output and target side by side.

use std::io;
use std::path::Path;

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder, ImageError};

use super::atomic::write_atomic;
use super::error::RunError;
use crate::data::Depth;

const CHANNELS: usize = 3;
const COLUMNS: usize = 3;
const GUTTER_COLOUR: u8 = 0xd4;

/// What the generator makes of a few fixed validation images.
#[derive(Clone, Copy, Debug)]
pub struct Samples<'a> {
    /// Number of images, one grid row each.
    pub batch: usize,
    /// Pixels.
    pub height: usize,
    /// Pixels of one image; a column of stacked images is as many times as wide.
    pub width: usize,
    /// `[batch, height, images * width, 3]`, -1..1.
    pub input: &'a [f32],
    /// `[batch, height, images * width, 3]`, -1..1.
    pub output: &'a [f32],
    /// `[batch, height, images * width, 3]`, -1..1.
    pub target: &'a [f32],
}

impl Samples<'_> {
    /// Pixels between two images: thin, but to be seen between large ones too.
    fn gutter(&self) -> usize {
        (self.width / 32).max(2)
    }

    /// Width and height of the grid in pixels.
    fn size(&self) -> (usize, usize) {
        let gutter = self.gutter();
        let columns: usize = self.columns().iter().map(|(_, column)| self.width_of(column) + gutter).sum();
        (columns - gutter, self.batch * (self.height + gutter) - gutter)
    }

    /// Width of a column; the lengths have been checked.
    fn width_of(&self, column: &[f32]) -> usize {
        column.len() / (self.batch * self.height * CHANNELS)
    }

    fn check(&self, path: &Path) -> Result<(), RunError> {
        let shape = [self.batch, self.height, self.width, CHANNELS];
        let values = shape.iter().try_fold(1usize, |product, &extent| product.checked_mul(extent));
        for (what, image) in self.columns() {
            if image.is_empty() || !values.is_some_and(|values| values > 0 && image.len().is_multiple_of(values)) {
                return Err(RunError::Grid { path: path.to_path_buf(), what, found: image.len(), shape });
            }
        }
        Ok(())
    }

    fn columns(&self) -> [(&'static str, &[f32]); COLUMNS] {
        [("input", self.input), ("output", self.output), ("target", self.target)]
    }

    /// The grid as RGB bytes, row by row; the lengths have been checked.
    fn paint(&self) -> Vec<u8> {
        let (grid_width, grid_height) = self.size();
        let gutter = self.gutter();
        let mut pixels = vec![GUTTER_COLOUR; grid_width * grid_height * CHANNELS];
        let mut left = 0;
        for (_, images) in self.columns() {
            let line = self.width_of(images) * CHANNELS;
            for (index, source) in images.chunks_exact(line).enumerate() {
                let (image, y) = (index / self.height, index % self.height);
                let top = image * (self.height + gutter) + y;
                let start = top * grid_width * CHANNELS + left;
                for (pixel, &value) in pixels[start..start + line].iter_mut().zip(source) {
                    // Never more than a byte.
                    *pixel = Depth::Eight.to_sample(value) as u8;
                }
            }
            left += line + gutter * CHANNELS;
        }
        pixels
    }
}

/// Writes the grid as a PNG.
pub(super) fn write(path: &Path, samples: &Samples) -> Result<(), RunError> {
    samples.check(path)?;
    let (width, height) = samples.size();
    let pixels = samples.paint();
    let side = |pixels: usize| u32::try_from(pixels).map_err(io::Error::other);
    write_atomic(path, |writer| {
        PngEncoder::new(writer).write_image(&pixels, side(width)?, side(height)?, ExtendedColorType::Rgb8).map_err(|error| match error {
            ImageError::IoError(error) => error,
            error => io::Error::other(error),
        })
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn pixels_truncate_and_clamp() {
        let pairs = [(-1.0, 0), (0.0, 127), (1.0, 255), (0.999, 254), (-7.0, 0), (7.0, 255), (f32::NAN, 0)];
        for (value, pixel) in pairs {
            assert_eq!(Depth::Eight.to_sample(value), pixel, "{value}");
        }
    }

    #[test]
    fn images_lie_where_they_should() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("grid.png");
        // Two images of 2 x 3 pixels; red says which image, green which column, blue the place in the image.
        let (batch, height, width) = (2, 2, 3);
        let level = |byte: usize| (byte as f32 + 0.5) / 255.0 * 2.0 - 1.0;
        let image = |column: usize| -> Vec<f32> {
            (0..batch * height * width)
                .flat_map(|index| {
                    let place = index % (height * width);
                    [level(index / (height * width)), level(100 + column), level(place)]
                })
                .collect()
        };
        let columns = [image(0), image(1), image(2)];
        let [input, output, target] = &columns;
        let samples = Samples { batch, height, width, input, output, target };
        write(&path, &samples).unwrap();
        let grid = image::open(&path).unwrap().into_rgb8();
        assert_eq!(grid.dimensions(), (3 * 3 + 2 * 2, 2 * 2 + 2));
        for (x, y, pixel) in grid.enumerate_pixels() {
            let (column, in_x) = (x / 5, x % 5);
            let (row, in_y) = (y / 4, y % 4);
            let expected =
                if in_x >= 3 || in_y >= 2 { [GUTTER_COLOUR; 3] } else { [row as u8, 100 + column as u8, (in_y * 3 + in_x) as u8] };
            assert_eq!(pixel.0, expected, "at {x}, {y}");
        }
    }

    #[test]
    fn stacked_images_make_a_wider_column() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("grid.png");
        let (one, two) = ([1.0; 2 * 2 * 2 * 3], [-1.0; 2 * 2 * 4 * 3]);
        write(&path, &Samples { batch: 2, height: 2, width: 2, input: &two, output: &one, target: &one }).unwrap();
        let grid = image::open(&path).unwrap().into_rgb8();
        assert_eq!(grid.dimensions(), (4 + 2 + 2 + 2 + 2, 2 + 2 + 2));
        assert_eq!([0, 3, 4, 6, 7, 10].map(|x| grid.get_pixel(x, 5).0[0]), [0, 0, GUTTER_COLOUR, 255, 255, 255]);
    }

    #[test]
    fn wrong_shapes_are_named() {
        let right = [0.0; 12];
        let samples = Samples { batch: 1, height: 2, width: 2, input: &right, output: &right, target: &right };
        let path = Path::new("nowhere/grid.png");
        let wrong = [
            ("output", Samples { output: &right[..11], ..samples }),
            ("target", Samples { target: &[], ..samples }),
            ("input", Samples { batch: usize::MAX, ..samples }),
            ("input", Samples { batch: 0, input: &[], ..samples }),
        ];
        for (name, samples) in wrong {
            let error = write(path, &samples).unwrap_err();
            assert!(matches!(error, RunError::Grid { what, .. } if what == name), "{error}");
        }
        assert!(matches!(write(path, &samples), Err(RunError::Write { .. })));
    }
}
