//! Twins of the three contractions: `shaders/conv2d/`, `shaders/conv_transpose2d/` and
//! `shaders/conv2d_grad_weight/`. They go between a large map and a small one.

use crate::{Dims, len};

/// A map with its values.
pub type Map<'a> = (Dims, &'a [f64]);

/// Kernel size, stride and padding of a convolution, the same in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Height and width of the kernel.
    pub kernel: usize,
    /// Stride in both directions.
    pub stride: usize,
    /// Zero padding on every side.
    pub padding: usize,
}

const HALVE: Geometry = Geometry::new(4, 2, 1);
const PATCH: Geometry = Geometry::new(4, 1, 1);
const SMOOTH: Geometry = Geometry::new(3, 1, 1);
const POINT: Geometry = Geometry::new(1, 1, 0);
// The ResNet's, on padded maps; and its halvings and doublings, with rows and columns that no tap
// of the kernel's centre reaches.
const WIDE: Geometry = Geometry::new(7, 1, 0);
const VALID: Geometry = Geometry::new(3, 1, 0);
const HALVE_3: Geometry = Geometry::new(3, 2, 1);

/// Geometry, batch, large map, channels of the large and of the small map.
pub type ContractionCase = (Geometry, usize, [usize; 2], [usize; 2]);

/// What every rung runs: single pixels, odd sizes, batches, few channels, and the layers of the
/// real networks with their channels cut down to what a CPU adapter runs in milliseconds.
pub const CASES: [ContractionCase; 35] = [
    (HALVE, 1, [2, 2], [16, 16]),
    (HALVE, 1, [16, 16], [3, 8]),
    (HALVE, 2, [9, 7], [4, 6]),
    (HALVE, 1, [12, 20], [5, 7]),
    (HALVE, 2, [8, 8], [17, 33]),
    (HALVE, 1, [32, 32], [6, 16]),
    (HALVE, 1, [16, 16], [16, 32]),
    (HALVE, 1, [8, 8], [64, 40]),
    (HALVE, 1, [4, 4], [64, 64]),
    (HALVE, 1, [32, 32], [16, 3]),
    (PATCH, 1, [8, 8], [64, 72]),
    (PATCH, 2, [7, 7], [16, 1]),
    (PATCH, 1, [5, 9], [8, 12]),
    (HALVE, 1, [18, 38], [1, 20]),
    (HALVE, 2, [11, 9], [2, 1]),
    (HALVE, 1, [14, 22], [68, 2]),
    (PATCH, 2, [9, 12], [36, 1]),
    (SMOOTH, 2, [8, 10], [4, 6]),
    (SMOOTH, 1, [5, 5], [12, 36]),
    (POINT, 2, [8, 8], [6, 8]),
    (POINT, 1, [5, 9], [16, 1]),
    (POINT, 1, [1, 1], [1, 3]),
    (WIDE, 1, [14, 11], [3, 8]),
    (WIDE, 1, [13, 16], [8, 3]),
    (WIDE, 2, [7, 8], [6, 12]),
    (HALVE_3, 1, [16, 12], [8, 16]),
    (HALVE_3, 2, [8, 6], [20, 36]),
    (HALVE_3, 1, [10, 10], [3, 4]),
    (HALVE_3, 1, [9, 7], [16, 2]),
    (VALID, 1, [10, 9], [16, 20]),
    (VALID, 2, [4, 5], [36, 72]),
    (PATCH, 2, [9, 8], [16, 24]),
    (SMOOTH, 2, [7, 10], [72, 16]),
    (VALID, 1, [10, 9], [16, 24]),
    (PATCH, 1, [16, 15], [64, 72]),
];

impl Geometry {
    /// `kernel`, `stride`, `padding`.
    pub const fn new(kernel: usize, stride: usize, padding: usize) -> Self {
        Self {
            kernel,
            stride,
            padding,
        }
    }

    /// The shape of the small map of a large one; the kernel must fit.
    pub fn small(&self, [batch, height, width, _]: Dims, channels: usize) -> Dims {
        let size = |side: usize| (side + 2 * self.padding - self.kernel) / self.stride + 1;
        [batch, size(height), size(width), channels]
    }

    /// Calls `f(large pixel, small pixel, tap)` for every connected pair, as indices into rows and
    /// taps.
    pub fn for_each_connection(
        &self,
        [_, large_height, large_width, _]: Dims,
        [batch, height, width, _]: Dims,
        mut f: impl FnMut(usize, usize, usize),
    ) {
        let inside = |position: usize, tap: usize, size: usize| {
            let at = (position * self.stride + tap).checked_sub(self.padding)?;
            (at < size).then_some(at)
        };
        let pixels = (0..batch)
            .flat_map(|n| (0..height).flat_map(move |oy| (0..width).map(move |ox| (n, oy, ox))));
        for (n, oy, ox) in pixels {
            for ky in 0..self.kernel {
                for kx in 0..self.kernel {
                    if let (Some(iy), Some(ix)) =
                        (inside(oy, ky, large_height), inside(ox, kx, large_width))
                    {
                        let large_pixel = (n * large_height + iy) * large_width + ix;
                        let small_pixel = (n * height + oy) * width + ox;
                        f(large_pixel, small_pixel, ky * self.kernel + kx);
                    }
                }
            }
        }
    }

    /// Large to small: a convolution, and the input gradient of a transposed one.
    pub fn gather(
        &self,
        (large, values): Map,
        small: Dims,
        weight: &[f64],
        bias: Option<&[f64]>,
    ) -> Vec<f64> {
        let [a, b] = [large[3], small[3]];
        let mut output = with_bias(small, bias);
        self.for_each_connection(large, small, |from, to, tap| {
            for i in 0..a {
                for o in 0..b {
                    output[to * b + o] += values[from * a + i] * weight[(tap * a + i) * b + o];
                }
            }
        });
        output
    }

    /// Small to large: a transposed convolution, and the input gradient of a convolution.
    pub fn scatter(
        &self,
        (small, values): Map,
        large: Dims,
        weight: &[f64],
        bias: Option<&[f64]>,
    ) -> Vec<f64> {
        let [a, b] = [large[3], small[3]];
        let mut output = with_bias(large, bias);
        self.for_each_connection(large, small, |to, from, tap| {
            for i in 0..a {
                for o in 0..b {
                    output[to * a + i] += values[from * b + o] * weight[(tap * a + i) * b + o];
                }
            }
        });
        output
    }

    /// The gradient of the weight.
    pub fn grad_weight(&self, (large, left): Map, (small, right): Map) -> Vec<f64> {
        let [a, b] = [large[3], small[3]];
        let mut sums = vec![0.0; self.kernel.pow(2) * a * b];
        self.for_each_connection(large, small, |from, to, tap| {
            for i in 0..a {
                for o in 0..b {
                    sums[(tap * a + i) * b + o] += left[from * a + i] * right[to * b + o];
                }
            }
        });
        sums
    }
}

fn with_bias(dims: Dims, bias: Option<&[f64]>) -> Vec<f64> {
    let channels = dims[3];
    (0..len(dims))
        .map(|i| bias.map_or(0.0, |bias| bias[i % channels]))
        .collect()
}

/// A weight with its two channel axes swapped.
pub fn swapped([kernel_h, kernel_w, a, b]: Dims, weight: &[f32]) -> Vec<f32> {
    let at = |i: usize| {
        let (tap, o, i) = (i / (a * b), i / a % b, i % a);
        weight[(tap * a + i) * b + o]
    };
    (0..kernel_h * kernel_w * a * b).map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::{CASES, Geometry};
    use crate::{len, uniform};

    fn random(count: usize, seed: u32) -> Vec<f64> {
        uniform(count, seed).into_iter().map(f64::from).collect()
    }

    fn dot(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    /// `<gather(x), y> = <x, scatter(y)>`: the twins are each other's gradients, so the kernels
    /// that match them are too.
    #[test]
    fn gather_and_scatter_are_adjoint() {
        for (geometry, batch, [height, width], [a, b]) in CASES {
            let large = [batch, height, width, a];
            let small = geometry.small(large, b);
            let (x, y) = (random(len(large), 4), random(len(small), 5));
            let weight = random(geometry.kernel.pow(2) * a * b, 6);
            let left = dot(&geometry.gather((large, &x), small, &weight, None), &y);
            let right = dot(&geometry.scatter((small, &y), large, &weight, None), &x);
            assert!(
                (left - right).abs() <= 1e-9 * left.abs().max(1.0),
                "{geometry:?}: {left} and {right}"
            );
        }
    }

    /// The gradient of `sum(gather(input, weight) * grad_output)`, which is linear in the weight:
    /// the difference is exact.
    #[test]
    fn the_weights_gradient_meets_finite_differences() {
        let geometry = Geometry::new(4, 2, 1);
        let large = [2, 6, 5, 2];
        let small = geometry.small(large, 3);
        let (input, grad_output) = (random(len(large), 5), random(len(small), 6));
        let value = |weight: &[f64]| {
            dot(
                &geometry.gather((large, &input), small, weight, None),
                &grad_output,
            )
        };
        let gradient = geometry.grad_weight((large, &input), (small, &grad_output));
        assert_eq!(gradient.len(), 4 * 4 * 2 * 3);
        for (i, &expected) in gradient.iter().enumerate() {
            let step = |sign: f64| {
                let mut weight = vec![0.0; gradient.len()];
                weight[i] = sign;
                value(&weight)
            };
            let difference = (step(1.0) - step(-1.0)) / 2.0;
            assert!(
                (difference - expected).abs() < 1e-9,
                "element {i}: {difference} and {expected}"
            );
        }
    }
}
