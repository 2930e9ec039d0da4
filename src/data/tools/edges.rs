//! Outlines of images (J. Canny, "A Computational Approach to Edge Detection", 1986): blur,
//! gradient, thinning, two thresholds.

use super::error::ToolError;
use crate::data::{Depth, Picture};

/// What counts as an edge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EdgeOptions {
    /// Standard deviation of the blur in pixels: larger ones drop detail.
    pub blur: f32,
    /// A smaller gradient is no edge. In grey levels of 0..255 a pixel, whatever the picture's
    /// depth.
    pub low: f32,
    /// A larger gradient is always an edge. Between the two it is one if it touches an edge.
    pub high: f32,
}

impl Default for EdgeOptions {
    fn default() -> Self {
        Self {
            blur: 1.4,
            low: 4.0,
            high: 12.0,
        }
    }
}

/// The largest blur, in pixels.
const MOST_BLUR: f32 = 50.0;

impl EdgeOptions {
    /// Checks the blur and the thresholds.
    ///
    /// # Errors
    /// [`ToolError::Edges`].
    pub fn check(&self) -> Result<(), ToolError> {
        let &Self { blur, low, high } = self;
        if (0.0..=MOST_BLUR).contains(&blur) && low >= 0.0 && high >= low && high.is_finite() {
            return Ok(());
        }
        Err(ToolError::Edges {
            blur,
            most_blur: MOST_BLUR,
            low,
            high,
        })
    }
}

/// A grey picture.
struct GreyImage {
    width: usize,
    height: usize,
    values: Vec<f32>,
}

impl GreyImage {
    /// The value at a position, or at the nearest one of the picture.
    fn at(&self, x: isize, y: isize) -> f32 {
        let clamp = |position: isize, side: usize| position.clamp(0, side as isize - 1) as usize;
        self.values[clamp(y, self.height) * self.width + clamp(x, self.width)]
    }

    /// A value for each position.
    fn map(&self, value: impl Fn(isize, isize) -> f32) -> GreyImage {
        let (width, height) = (self.width, self.height);
        GreyImage {
            width,
            height,
            values: (0..width * height)
                .map(|i| value((i % width) as isize, (i / width) as isize))
                .collect(),
        }
    }
}

/// Black outlines on white, RGB of 8 bits. They are found at the picture's own depth, so the steps
/// that 8 bits would make in a picture of 16 bits are no edges.
pub fn edges(picture: &Picture, options: &EdgeOptions) -> Picture {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let level = f32::from(picture.depth().max() / Depth::Eight.max());
    let values = picture
        .to_gray()
        .samples()
        .map(|sample| f32::from(sample) / level)
        .collect();
    let strength = thin(&blur(
        &GreyImage {
            width,
            height,
            values,
        },
        options.blur,
    ));
    let found = connect(&strength, options);
    let bytes = found
        .iter()
        .flat_map(|&is_edge| [if is_edge { u8::MIN } else { u8::MAX }; 3])
        .collect();
    // Three samples a pixel by construction, so the default is never taken.
    Picture::from_bytes(picture.width(), picture.height(), 3, Depth::Eight, bytes)
        .unwrap_or_default()
}

/// Blur by a Gaussian, along rows and then along columns.
fn blur(image: &GreyImage, sigma: f32) -> GreyImage {
    let radius = (3.0 * sigma).ceil() as isize;
    let weight = |offset: isize| {
        if offset == 0 {
            1.0
        } else {
            (-((offset * offset) as f32) / (2.0 * sigma * sigma)).exp()
        }
    };
    let total: f32 = (-radius..=radius).map(weight).sum();
    let rows = image.map(|x, y| {
        (-radius..=radius)
            .map(|i| weight(i) * image.at(x + i, y))
            .sum::<f32>()
            / total
    });
    rows.map(|x, y| {
        (-radius..=radius)
            .map(|i| weight(i) * rows.at(x, y + i))
            .sum::<f32>()
            / total
    })
}

/// The gradient (Sobel, in grey levels a pixel) where it is the largest across the edge, else 0.
fn thin(image: &GreyImage) -> GreyImage {
    let side = |x: isize, y: isize, dx: isize, dy: isize| {
        image.at(x + dx - dy, y + dy - dx)
            + 2.0 * image.at(x + dx, y + dy)
            + image.at(x + dx + dy, y + dy + dx)
    };
    let slope = |x, y, dx, dy| (side(x, y, dx, dy) - side(x, y, -dx, -dy)) / 8.0;
    let strength = image.map(|x, y| slope(x, y, 1, 0).hypot(slope(x, y, 0, 1)));
    strength.map(|x, y| {
        let (across_x, across_y) = (slope(x, y, 1, 0), slope(x, y, 0, 1));
        // The nearest of the eight neighbours in the direction of the gradient: tan of 22.5 degrees
        // tells them apart.
        let step = |along: f32, other: f32| {
            if along.abs() < 0.414 * other.abs() {
                0
            } else {
                along.signum() as isize
            }
        };
        let (dx, dy) = (step(across_x, across_y), step(across_y, across_x));
        let own = strength.at(x, y);
        // One of two equal neighbours is enough.
        if own > strength.at(x + dx, y + dy) && own >= strength.at(x - dx, y - dy) {
            own
        } else {
            0.0
        }
    })
}

/// Positions above the high threshold, and those above the low one that touch such a chain.
fn connect(strength: &GreyImage, options: &EdgeOptions) -> Vec<bool> {
    let (width, height) = (strength.width, strength.height);
    let mut found: Vec<bool> = strength
        .values
        .iter()
        .map(|&value| value > options.high)
        .collect();
    let mut open: Vec<usize> = (0..found.len()).filter(|&i| found[i]).collect();
    while let Some(at) = open.pop() {
        let (x, y) = (at % width, at / width);
        for near_y in y.saturating_sub(1)..(y + 2).min(height) {
            for near_x in x.saturating_sub(1)..(x + 2).min(width) {
                let near = near_y * width + near_x;
                if !found[near] && strength.values[near] > options.low {
                    found[near] = true;
                    open.push(near);
                }
            }
        }
    }
    found
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use image::{DynamicImage, ImageBuffer, Luma, Rgb, RgbImage};

    /// Whether each pixel is on an outline, row by row.
    fn dark(picture: impl Into<Picture>, options: &EdgeOptions) -> Vec<bool> {
        let found = edges(&picture.into(), options);
        assert_eq!((found.channels(), found.depth()), (3, Depth::Eight));
        found
            .bytes()
            .chunks_exact(3)
            .map(|pixel| pixel == [0; 3])
            .collect()
    }

    #[test]
    fn a_square_has_a_thin_closed_outline_and_a_flat_picture_none() {
        let square = RgbImage::from_fn(40, 40, |x, y| {
            Rgb([if (10..30).contains(&x) && (10..30).contains(&y) {
                220
            } else {
                20
            }; 3])
        });
        let found = dark(square, &EdgeOptions::default());
        // Every row and column through the square crosses it twice, on its border.
        for i in 14..26 {
            let row: Vec<usize> = (0..40).filter(|&x| found[i * 40 + x]).collect();
            let column: Vec<usize> = (0..40).filter(|&y| found[y * 40 + i]).collect();
            for crossed in [row, column] {
                let [first, second] = crossed[..] else {
                    panic!("{i}: {crossed:?}")
                };
                assert!(
                    (9..=10).contains(&first) && (29..=30).contains(&second),
                    "{crossed:?}"
                );
            }
        }
        assert_eq!(
            dark(
                RgbImage::from_pixel(9, 5, Rgb([90, 10, 200])),
                &EdgeOptions::default()
            ),
            [false; 45]
        );
        for side in [0, 1] {
            let found = edges(&RgbImage::new(side, side).into(), &EdgeOptions::default());
            assert_eq!(found.dimensions(), (side, side));
        }
    }

    #[test]
    fn a_weak_edge_counts_only_beside_a_strong_one() {
        // An edge whose contrast falls from top to bottom.
        let fading = RgbImage::from_fn(30, 60, |x, y| {
            Rgb([if x < 15 {
                100
            } else {
                100 + (120 - 2 * y) as u8
            }; 3])
        });
        let length = |options: &EdgeOptions| {
            dark(fading.clone(), options)
                .iter()
                .filter(|&&dark| dark)
                .count()
        };
        let base = EdgeOptions::default();
        let strict = EdgeOptions {
            low: base.high,
            ..base
        };
        assert!(
            length(&base) > length(&strict) + 10,
            "{} {}",
            length(&base),
            length(&strict)
        );
        assert_eq!(
            length(&EdgeOptions {
                high: 200.0,
                ..base
            }),
            0
        );
    }

    #[test]
    fn sixteen_bits_have_edges_where_they_are_and_not_at_the_steps_of_eight() {
        // A slope of 8 bits' levels every 20 pixels, and an edge of half such a level in the middle
        // of it.
        let slope = |x: u32, step: f32| x as f32 / 20.0 + if x < 50 { 0.0 } else { step };
        let deep = |step| {
            DynamicImage::from(ImageBuffer::from_fn(100, 9, |x, _| {
                Luma([(slope(x, step) * 257.0) as u16])
            }))
        };
        let fine = EdgeOptions {
            low: 0.09,
            high: 0.12,
            ..EdgeOptions::default()
        };
        let columns = |found: Vec<bool>| {
            (0..100)
                .filter(|x| found[4 * 100 + x])
                .collect::<Vec<usize>>()
        };
        assert_eq!(columns(dark(deep(0.0), &fine)), [0usize; 0]);
        assert!(matches!(columns(dark(deep(0.5), &fine))[..], [49 | 50]));
        let shallow = ImageBuffer::from_fn(100, 9, |x, _| Luma([slope(x, 0.0) as u8]));
        assert_eq!(
            columns(dark(DynamicImage::from(shallow), &fine)).len(),
            4,
            "8 bits are stairs"
        );
        // The same picture in both depths has the same edges.
        let eight = RgbImage::from_fn(40, 40, |x, y| {
            Rgb([(x * y / 7) as u8, (40 * (y / 9)) as u8, (3 * x) as u8])
        });
        let both = DynamicImage::from(eight.clone()).into_rgb16();
        let base = EdgeOptions::default();
        assert_eq!(dark(eight, &base), dark(DynamicImage::from(both), &base));
    }
}
