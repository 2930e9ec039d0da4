//! The samples of pictures as planes of numbers, one for each channel.

use super::MetricError;
use crate::data::{Depth, Picture};

/// One channel of a picture: `[height, width]`, or what a filter made of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plane {
    pub width: usize,
    pub height: usize,
    pub values: Vec<f64>,
}

impl Plane {
    /// The number at each place, made of two planes of one size.
    pub fn zip(&self, other: &Self, combine: impl Fn(f64, f64) -> f64) -> Self {
        let pairs = self.values.iter().zip(&other.values);
        Self {
            width: self.width,
            height: self.height,
            values: pairs.map(|(&a, &b)| combine(a, b)).collect(),
        }
    }

    /// The plane under a window that is the product of `taps` along both axes, where the whole
    /// window lies inside: each side is `taps.len() - 1` shorter.
    pub fn filter(&self, taps: &[f64]) -> Self {
        let (width, height) = (
            (self.width + 1).saturating_sub(taps.len()),
            (self.height + 1).saturating_sub(taps.len()),
        );
        let mut along = Vec::with_capacity(width * self.height);
        for row in self.values.chunks_exact(self.width.max(1)) {
            along.extend(row.windows(taps.len()).map(|part| dot(part, taps)));
        }
        let mut values = vec![0.0; width * height];
        for (y, row) in values.chunks_exact_mut(width.max(1)).enumerate() {
            for (k, tap) in taps.iter().enumerate() {
                let from = &along[(y + k) * width..][..width];
                (row.iter_mut().zip(from)).for_each(|(sum, value)| *sum += tap * value);
            }
        }
        Self {
            width,
            height,
            values,
        }
    }

    /// Half as wide and high, rounded up: each number is the mean of four. The last row or column
    /// of an odd side is taken twice.
    pub fn halved(&self) -> Self {
        let (width, height) = (self.width.div_ceil(2), self.height.div_ceil(2));
        let at = |x: usize, y: usize| {
            self.values[y.min(self.height - 1) * self.width + x.min(self.width - 1)]
        };
        let mean = |x, y| (at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1)) / 4.0;
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (2 * x, 2 * y)));
        Self {
            width,
            height,
            values: places.map(|(x, y)| mean(x, y)).collect(),
        }
    }

    /// The mean of all numbers.
    pub fn mean(&self) -> f64 {
        self.values.iter().sum::<f64>() / self.values.len() as f64
    }
}

fn dot(values: &[f64], taps: &[f64]) -> f64 {
    values
        .iter()
        .zip(taps)
        .map(|(value, tap)| value * tap)
        .sum()
}

/// The channels of a picture of 8 bits whose sides have `least` pixels or more.
///
/// # Errors
/// [`MetricError::Depth`], [`MetricError::Small`].
pub(super) fn planes(
    metric: &'static str,
    picture: &Picture,
    least: u32,
) -> Result<Vec<Plane>, MetricError> {
    let size = picture.dimensions();
    let depth = picture.depth();
    if depth != Depth::Eight {
        return Err(MetricError::Depth { metric, depth });
    }
    if size.0.min(size.1) < least {
        return Err(MetricError::Small {
            metric,
            size,
            least,
        });
    }
    let channels = picture.channels();
    let plane = |channel| Plane {
        width: size.0 as usize,
        height: size.1 as usize,
        values: (picture.bytes().iter().skip(channel).step_by(channels))
            .map(|&sample| f64::from(sample))
            .collect(),
    };
    Ok((0..channels).map(plane).collect())
}

/// The channels of two pictures of one size, side by side.
///
/// # Errors
/// Those of [`planes`], and [`MetricError::Shapes`].
pub(super) fn plane_pairs(
    metric: &'static str,
    pictures: [&Picture; 2],
    least: u32,
) -> Result<Vec<[Plane; 2]>, MetricError> {
    let shape = |picture: &Picture| (picture.width(), picture.height(), picture.channels());
    let [left, right] = pictures.map(shape);
    if left != right {
        return Err(MetricError::Shapes {
            metric,
            left,
            right,
        });
    }
    let left = planes(metric, pictures[0], least)?;
    let right = planes(metric, pictures[1], least)?;
    Ok(left
        .into_iter()
        .zip(right)
        .map(<[Plane; 2]>::from)
        .collect())
}
