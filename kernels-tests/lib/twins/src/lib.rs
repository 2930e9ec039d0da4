//! What each kernel family should compute, written as plain loops in f64: the twins. Beside them
//! lie the shapes that are tried, and the numbers that fill the inputs.
//!
//! This crate does not depend on the kernels' own crate, so that a self-test inside the program can
//! use it. A shape is four numbers: `[batch, height, width, channels]` for maps, `[kernel height,
//! kernel width, channels of the large map, channels of the small map]` for weights.

pub mod activation;
pub mod adam;
pub mod batch_norm;
pub mod channel_sum;
pub mod contraction;
pub mod dropout;
pub mod elementwise;
pub mod ema;
pub mod image_pool;
pub mod loss;
pub mod loss_scale;
pub mod monitor;
pub mod random;
pub mod reduction;
pub mod resample;
pub mod sgd;
pub mod window;

/// `[batch, height, width, channels]`.
pub type Dims = [usize; 4];

/// The number of values in a shape.
pub fn len(dims: Dims) -> usize {
    dims.iter().product()
}

/// The number of pixels in a shape, over all images.
pub fn rows([batch, height, width, _]: Dims) -> usize {
    batch * height * width
}

/// `count` values from a fixed pseudo-random sequence in -1..1, other ones for each `seed`.
pub fn uniform(count: usize, seed: u32) -> Vec<f32> {
    let draw = |i: usize| {
        let mut h = (i as u32).wrapping_mul(0x9E37_79B1) ^ seed.wrapping_mul(0x85EB_CA77);
        h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
        h = (h ^ (h >> 12)).wrapping_mul(0x297A_2D39);
        (h ^ (h >> 15)) as f32 / u32::MAX as f32 * 2.0 - 1.0
    };
    (0..count).map(draw).collect()
}
