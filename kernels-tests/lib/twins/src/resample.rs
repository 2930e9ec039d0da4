//! Twins of `shaders/resample/`: a map of more pixels as a list of taps, and a map of means.

use crate::{Dims, len};

/// How a map gets more pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resample {
    /// A border that mirrors the map without its edge.
    ReflectPad {
        /// The border's width in pixels.
        pad: usize,
    },
    /// Twice the size, each pixel four times.
    Nearest,
    /// Twice the size, as PyTorch does it with `align_corners=False`.
    Bilinear,
}

impl Resample {
    /// The shape of the large map.
    pub fn large(self, [batch, height, width, channels]: Dims) -> Dims {
        let size = |side| match self {
            Self::ReflectPad { pad } => side + 2 * pad,
            Self::Nearest | Self::Bilinear => 2 * side,
        };
        [batch, size(height), size(width), channels]
    }

    /// What pixel `i` of a side of the large map reads of `size` pixels: places and weights.
    fn taps(self, i: usize, size: usize) -> Vec<(usize, f64)> {
        let last = size as isize - 1;
        match self {
            Self::ReflectPad { pad } => {
                let mut place = i as isize - pad as isize;
                while !(0..=last).contains(&place) {
                    place = if place < 0 { -place } else { 2 * last - place };
                }
                vec![(place as usize, 1.0)]
            }
            Self::Nearest => vec![((i as f64 / 2.0).floor() as usize, 1.0)],
            Self::Bilinear => {
                // PyTorch's area_pixel_compute_source_index, and its neighbours.
                let source = ((i as f64 + 0.5) / 2.0 - 0.5).max(0.0);
                let (low, part) = (source.floor() as usize, source.fract());
                vec![(low, 1.0 - part), ((low + 1).min(size - 1), part)]
            }
        }
    }

    /// Calls `f` with every element of the large map, what it reads, and the weight.
    pub fn for_each_tap(self, small: Dims, mut f: impl FnMut(usize, usize, f64)) {
        let ([batch, height, width, channels], [_, large_height, large_width, _]) =
            (small, self.large(small));
        for (n, y, x) in (0..batch).flat_map(|n| {
            (0..large_height).flat_map(move |y| (0..large_width).map(move |x| (n, y, x)))
        }) {
            for (iy, wy) in self.taps(y, height) {
                for (ix, wx) in self.taps(x, width) {
                    for c in 0..channels {
                        let to = ((n * large_height + y) * large_width + x) * channels + c;
                        f(to, ((n * height + iy) * width + ix) * channels + c, wy * wx);
                    }
                }
            }
        }
    }

    /// The large map.
    pub fn enlarged(self, small: Dims, input: &[f64]) -> Vec<f64> {
        let mut output = vec![0.0; len(self.large(small))];
        self.for_each_tap(small, |to, from, weight| output[to] += weight * input[from]);
        output
    }
}

/// The shape of a map of means: half the height and width, rounded up.
pub fn pooled_shape([batch, height, width, channels]: Dims) -> Dims {
    [batch, height.div_ceil(2), width.div_ceil(2), channels]
}

/// Calls `f` with every element of the map of means, each element that it is a mean of, and the
/// weight. Windows of three go with stride two over the padded map, whose pad of one pixel is
/// neither summed nor counted.
pub fn for_each_pooled(large: Dims, mut f: impl FnMut(usize, usize, f64)) {
    let [batch, height, width, channels] = large;
    let [_, small_height, small_width, _] = pooled_shape(large);
    let window = |i: usize, size: usize| -> Vec<usize> {
        let padded = (0..3).map(|tap| (2 * i + tap) as isize - 1);
        let inside = padded.filter(|&place| (0..size as isize).contains(&place));
        inside.map(|place| place as usize).collect()
    };
    for n in 0..batch {
        for (y, x) in (0..small_height).flat_map(|y| (0..small_width).map(move |x| (y, x))) {
            let (rows, columns) = (window(y, height), window(x, width));
            let weight = 1.0 / (rows.len() * columns.len()) as f64;
            for (iy, ix) in rows
                .iter()
                .flat_map(|&iy| columns.iter().map(move |&ix| (iy, ix)))
            {
                for c in 0..channels {
                    let to = ((n * small_height + y) * small_width + x) * channels + c;
                    f(to, ((n * height + iy) * width + ix) * channels + c, weight);
                }
            }
        }
    }
}

/// The map of means.
pub fn pooled(large: Dims, input: &[f64]) -> Vec<f64> {
    let mut output = vec![0.0; len(pooled_shape(large))];
    for_each_pooled(large, |to, from, weight| output[to] += weight * input[from]);
    output
}
