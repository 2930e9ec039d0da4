//! Twins of `shaders/batch_norm/`: statistics, normalisation and their gradients.

use crate::{Tensor, Tolerance};
use pix2pix::ops::batch_norm::Groups;
use pix2pix::tensor::Shape;

pub const EPS: f32 = 1e-5;

/// f32 sums of a few thousand terms around 1, divided by their number; a device's sqrt and division
/// add some ulp.
pub const CLOSE: Tolerance = Tolerance {
    absolute: 2e-6,
    relative: 4e-6,
};

/// One chunk and many, a ragged last chunk, padded channels, small groups.
pub fn shapes() -> [Shape; 10] {
    [
        Shape::nhwc(1, 1, 2, 1),
        Shape::nhwc(2, 1, 2, 512),
        Shape::nhwc(1, 2, 2, 64),
        Shape::nhwc(2, 3, 5, 3),
        Shape::nhwc(3, 7, 1, 6),
        Shape::nhwc(1, 16, 16, 8),
        Shape::nhwc(2, 31, 33, 16),
        Shape::nhwc(1, 32, 32, 64),
        Shape::nhwc(1, 61, 67, 6),
        Shape::nhwc(2, 64, 64, 3),
    ]
}

pub const GROUPS: [Groups; 2] = [Groups::Batch, Groups::Instance];

pub fn count(groups: Groups, shape: Shape) -> usize {
    match groups {
        Groups::Batch => 1,
        Groups::Parts(parts) => parts,
        Groups::Instance => shape.batch(),
    }
}

/// The values of one group and channel.
fn channel(values: &[f64], shape: Shape, groups: usize, group: usize, channel: usize) -> Vec<f64> {
    let pixels = shape.rows() / groups;
    (0..pixels)
        .map(|pixel| values[(group * pixels + pixel) * shape.channels() + channel])
        .collect()
}

/// `[groups][2][channels]` from two numbers for each group and channel.
pub fn rows(shape: Shape, groups: usize, numbers: impl Fn(usize, usize) -> [f64; 2]) -> Vec<f64> {
    let mut result = vec![0.0; groups * 2 * shape.channels()];
    for group in 0..groups {
        for channel in 0..shape.channels() {
            let [first, second] = numbers(group, channel);
            result[2 * group * shape.channels() + channel] = first;
            result[(2 * group + 1) * shape.channels() + channel] = second;
        }
    }
    result
}

pub fn statistics(input: &[f64], shape: Shape, groups: usize) -> Vec<f64> {
    rows(shape, groups, |group, c| {
        let values = channel(input, shape, groups, group, c);
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance =
            values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / values.len() as f64;
        [mean, 1.0 / (variance + f64::from(EPS)).sqrt()]
    })
}

/// For each element: its value, and mean, inv_std and channel.
pub fn elements(
    input: &[f64],
    shape: Shape,
    stats: &[f64],
    groups: usize,
) -> Vec<(f64, f64, f64, usize)> {
    let (pixels, channels) = (shape.rows() / groups, shape.channels());
    let element = |i: usize| {
        let (group, c) = (i / channels / pixels, i % channels);
        (
            input[i],
            stats[2 * group * channels + c],
            stats[(2 * group + 1) * channels + c],
            c,
        )
    };
    (0..shape.len()).map(element).collect()
}

pub fn normalize(
    input: &[f64],
    shape: Shape,
    stats: &[f64],
    groups: usize,
    affine: Option<(&[f64], &[f64])>,
) -> Vec<f64> {
    let (weight, bias) = affine.unzip();
    let of = |vector: Option<&[f64]>, c: usize, default: f64| vector.map_or(default, |v| v[c]);
    let one = |(x, mean, inv_std, c)| of(weight, c, 1.0) * (x - mean) * inv_std + of(bias, c, 0.0);
    elements(input, shape, stats, groups)
        .into_iter()
        .map(one)
        .collect()
}

pub fn grad_sums(
    grad_output: &[f64],
    input: &[f64],
    shape: Shape,
    stats: &[f64],
    groups: usize,
) -> Vec<f64> {
    let x_hat = normalize(input, shape, stats, groups, None);
    rows(shape, groups, |group, c| {
        let grads = channel(grad_output, shape, groups, group, c);
        let x_hats = channel(&x_hat, shape, groups, group, c);
        [
            grads.iter().sum(),
            grads.iter().zip(&x_hats).map(|(g, x)| g * x).sum(),
        ]
    })
}

/// The gradient by the chain rule through mean and variance, written out term by term.
pub fn grad_input(
    grad_output: &[f64],
    input: &[f64],
    shape: Shape,
    stats: &[f64],
    groups: usize,
    weight: Option<&[f64]>,
) -> Vec<f64> {
    let sums = grad_sums(grad_output, input, shape, stats, groups);
    let (pixels, channels) = (shape.rows() / groups, shape.channels());
    let one = |(i, (x, mean, inv_std, c)): (usize, (f64, f64, f64, usize))| {
        let group = i / channels / pixels;
        let (sum, products) = (
            sums[2 * group * channels + c],
            sums[(2 * group + 1) * channels + c],
        );
        let through_mean = sum / pixels as f64;
        let through_variance = (x - mean) * inv_std * products / pixels as f64;
        weight.map_or(1.0, |w| w[c]) * inv_std * (grad_output[i] - through_mean - through_variance)
    };
    elements(input, shape, stats, groups)
        .into_iter()
        .enumerate()
        .map(one)
        .collect()
}

/// Images whose channels differ in mean and spread.
pub fn image(shape: Shape, seed: u32) -> Tensor {
    let mut image = Tensor::random(shape, seed);
    for (i, value) in image.values.iter_mut().enumerate() {
        let c = (i % shape.channels()) as f32;
        *value = *value * (0.5 + 0.1 * (c % 7.0)) + c % 3.0 - 1.0;
    }
    image
}

pub fn tensor(shape: Shape, values: &[f64]) -> Tensor {
    Tensor::new(shape, values.iter().map(|&v| v as f32).collect())
}

pub fn stats_tensor(shape: Shape, groups: usize, values: &[f64]) -> Tensor {
    tensor(Shape::nhwc(groups, 1, 2, shape.channels()), values)
}

/// A group of two values that happen to be near has a large inv_std, which scales the roundings of
/// everything behind it.
pub fn scaled(stats: &[f64]) -> Tolerance {
    let largest = stats.iter().fold(1.0, |a: f64, &b| a.max(b.abs()));
    Tolerance {
        absolute: 2e-6 * largest,
        ..CLOSE
    }
}
