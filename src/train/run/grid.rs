//! Sample grids. Each image has a row: its input, output and target side by side.

use std::io::{self, Write};
use std::path::Path;

use super::atomic::write_atomic;
use super::error::RunError;
use crate::data::{Depth, encode_png};

const CHANNELS: usize = 3;
const COLUMNS: usize = 3;
const GUTTER_COLOUR: u8 = 0xd4;

/// What the generator makes of a few fixed validation images. Each has a row of the grid.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    /// The images, from top to bottom.
    pub rows: Vec<SampleRow>,
}

/// An image with its output and its target. Rows may have different sizes.
#[derive(Clone, Debug)]
pub struct SampleRow {
    /// Pixels.
    pub height: usize,
    /// Width of one image in pixels. A column of stacked images is wider: it has them side by side.
    pub width: usize,
    /// `[height, images * width, 3]`, -1..1.
    pub input: Vec<f32>,
    /// `[height, images * width, 3]`, -1..1.
    pub output: Vec<f32>,
    /// `[height, images * width, 3]`, -1..1.
    pub target: Vec<f32>,
}

impl SampleRow {
    fn columns(&self) -> [(&'static str, &[f32]); COLUMNS] {
        [
            ("input", &self.input),
            ("output", &self.output),
            ("target", &self.target),
        ]
    }

    /// Widths of its columns; the lengths have been checked.
    fn widths(&self) -> [usize; COLUMNS] {
        self.columns()
            .map(|(_, image)| image.len() / (self.height * CHANNELS))
    }
}

impl Samples {
    /// Pixels between two images. They are few, but can be seen between large images too.
    fn gutter(&self) -> usize {
        (self.rows.iter().map(|row| row.width).max().unwrap_or(0) / 32).max(2)
    }

    /// Widths of the columns. Each is as wide as its widest image.
    fn widths(&self) -> [usize; COLUMNS] {
        let widest = |widths: [usize; COLUMNS], row: &SampleRow| {
            let own = row.widths();
            std::array::from_fn(|column| own[column].max(widths[column]))
        };
        self.rows.iter().fold([0; COLUMNS], widest)
    }

    /// Width and height of the grid in pixels.
    fn size(&self) -> (usize, usize) {
        let gutter = self.gutter();
        let width: usize = self.widths().iter().map(|width| width + gutter).sum();
        let height: usize = self.rows.iter().map(|row| row.height + gutter).sum();
        (width - gutter, height - gutter)
    }

    fn check(&self, path: &Path) -> Result<(), RunError> {
        let fail = |what, found, shape| RunError::Grid {
            path: path.to_path_buf(),
            what,
            found,
            shape,
        };
        if self.rows.is_empty() {
            return Err(fail("input", 0, [0, 0, CHANNELS]));
        }
        for row in &self.rows {
            let shape = [row.height, row.width, CHANNELS];
            let values = shape
                .iter()
                .try_fold(1usize, |product, &extent| product.checked_mul(extent));
            for (what, image) in row.columns() {
                if image.is_empty()
                    || !values
                        .is_some_and(|values| values > 0 && image.len().is_multiple_of(values))
                {
                    return Err(fail(what, image.len(), shape));
                }
            }
        }
        Ok(())
    }

    /// The grid as RGB bytes, row by row; the lengths have been checked. An image that is narrower
    /// than its column stands in its middle.
    fn paint(&self) -> Vec<u8> {
        let (grid_width, grid_height) = self.size();
        let (gutter, widths) = (self.gutter(), self.widths());
        let mut pixels = vec![GUTTER_COLOUR; grid_width * grid_height * CHANNELS];
        let mut top = 0;
        for row in &self.rows {
            let mut left = 0;
            for ((_, image), (own, column)) in row
                .columns()
                .into_iter()
                .zip(row.widths().into_iter().zip(widths))
            {
                for (y, source) in image.chunks_exact(own * CHANNELS).enumerate() {
                    let start = ((top + y) * grid_width + left + (column - own) / 2) * CHANNELS;
                    for (pixel, &value) in
                        pixels[start..start + own * CHANNELS].iter_mut().zip(source)
                    {
                        // Never more than a byte.
                        *pixel = Depth::Eight.to_sample(value) as u8;
                    }
                }
                left += column + gutter;
            }
            top += row.height + gutter;
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
        let png = encode_png((side(width)?, side(height)?), &pixels)?;
        writer.write_all(&png)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn pixels_truncate_and_clamp() {
        let pairs = [
            (-1.0, 0),
            (0.0, 127),
            (1.0, 255),
            (0.999, 254),
            (-7.0, 0),
            (7.0, 255),
            (f32::NAN, 0),
        ];
        for (value, pixel) in pairs {
            assert_eq!(Depth::Eight.to_sample(value), pixel, "{value}");
        }
    }

    #[test]
    fn images_lie_where_they_should() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("grid.png");
        // Two images of 2 x 3 pixels. Red says which image, green which column, blue which place in
        // the image.
        let (height, width) = (2, 3);
        let level = |byte: usize| (byte as f32 + 0.5) / 255.0 * 2.0 - 1.0;
        let image = |index: usize, column: usize| -> Vec<f32> {
            (0..height * width)
                .flat_map(|place| [level(index), level(100 + column), level(place)])
                .collect()
        };
        let row = |i: usize| SampleRow {
            height,
            width,
            input: image(i, 0),
            output: image(i, 1),
            target: image(i, 2),
        };
        write(
            &path,
            &Samples {
                rows: vec![row(0), row(1)],
            },
        )
        .unwrap();
        let grid = image::open(&path).unwrap().into_rgb8();
        assert_eq!(grid.dimensions(), (3 * 3 + 2 * 2, 2 * 2 + 2));
        for (x, y, pixel) in grid.enumerate_pixels() {
            let (column, in_x) = (x / 5, x % 5);
            let (row, in_y) = (y / 4, y % 4);
            let expected = if in_x >= 3 || in_y >= 2 {
                [GUTTER_COLOUR; 3]
            } else {
                [row as u8, 100 + column as u8, (in_y * 3 + in_x) as u8]
            };
            assert_eq!(pixel.0, expected, "at {x}, {y}");
        }
    }

    /// A row of `images` stacked inputs of 1 and one output and target of -1.
    fn stacked(height: usize, width: usize, images: usize) -> SampleRow {
        let image = |value: f32, images: usize| vec![value; height * images * width * 3];
        SampleRow {
            height,
            width,
            input: image(1.0, images),
            output: image(-1.0, 1),
            target: image(-1.0, 1),
        }
    }

    #[test]
    fn stacked_images_make_a_wider_column() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("grid.png");
        write(
            &path,
            &Samples {
                rows: vec![stacked(2, 2, 2), stacked(2, 2, 2)],
            },
        )
        .unwrap();
        let grid = image::open(&path).unwrap().into_rgb8();
        assert_eq!(grid.dimensions(), (4 + 2 + 2 + 2 + 2, 2 + 2 + 2));
        assert_eq!(
            [0, 3, 4, 6, 7, 10].map(|x| grid.get_pixel(x, 5).0[0]),
            [255, 255, GUTTER_COLOUR, 0, 0, 0]
        );
    }

    #[test]
    fn images_of_several_sizes_stand_in_the_middle_of_their_columns() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("grid.png");
        write(
            &path,
            &Samples {
                rows: vec![stacked(1, 6, 1), stacked(3, 2, 1)],
            },
        )
        .unwrap();
        let grid = image::open(&path).unwrap().into_rgb8();
        assert_eq!(grid.dimensions(), (3 * 6 + 2 * 2, 1 + 2 + 3));
        let of_input = |y: u32| {
            (0..6)
                .filter(|&x| grid.get_pixel(x, y).0[0] == 255)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            [0, 1, 3, 5].map(of_input),
            [vec![0, 1, 2, 3, 4, 5], vec![], vec![2, 3], vec![2, 3]]
        );
        assert_eq!(
            [9, 10, 11, 12].map(|x| grid.get_pixel(x, 4).0[0]),
            [GUTTER_COLOUR, 0, 0, GUTTER_COLOUR]
        );
    }

    #[test]
    fn wrong_shapes_are_named() {
        let right = stacked(2, 2, 1);
        let path = Path::new("nowhere/grid.png");
        let wrong = [
            (
                "output",
                SampleRow {
                    output: vec![0.0; 11],
                    ..right.clone()
                },
            ),
            (
                "target",
                SampleRow {
                    target: Vec::new(),
                    ..right.clone()
                },
            ),
            (
                "input",
                SampleRow {
                    height: usize::MAX,
                    ..right.clone()
                },
            ),
            (
                "input",
                SampleRow {
                    height: 0,
                    input: Vec::new(),
                    ..right.clone()
                },
            ),
        ];
        for (name, row) in wrong {
            let error = write(
                path,
                &Samples {
                    rows: vec![right.clone(), row],
                },
            )
            .unwrap_err();
            assert!(
                matches!(error, RunError::Grid { what, .. } if what == name),
                "{error}"
            );
        }
        assert!(matches!(
            write(path, &Samples::default()),
            Err(RunError::Grid { .. })
        ));
        assert!(matches!(
            write(path, &Samples { rows: vec![right] }),
            Err(RunError::Write { .. })
        ));
    }
}
