//! Twins of `shaders/batch_norm/`: statistics, normalisation and their gradients.

use crate::{Dims, len, rows as rows_of};

/// What is added to a variance.
pub const EPS: f32 = 1e-5;

/// One chunk and many, a ragged last chunk, padded channels, small groups.
pub const SHAPES: [Dims; 10] = [
    [1, 1, 2, 1],
    [2, 1, 2, 512],
    [1, 2, 2, 64],
    [2, 3, 5, 3],
    [3, 7, 1, 6],
    [1, 16, 16, 8],
    [2, 31, 33, 16],
    [1, 32, 32, 64],
    [1, 61, 67, 6],
    [2, 64, 64, 3],
];

/// The values of one group and channel.
fn channel(values: &[f64], shape: Dims, groups: usize, group: usize, channel: usize) -> Vec<f64> {
    let pixels = rows_of(shape) / groups;
    (0..pixels)
        .map(|pixel| values[(group * pixels + pixel) * shape[3] + channel])
        .collect()
}

/// `[groups][2][channels]` from two numbers for each group and channel.
pub fn rows(
    shape: impl Into<Dims>,
    groups: usize,
    numbers: impl Fn(usize, usize) -> [f64; 2],
) -> Vec<f64> {
    let shape = shape.into();
    let mut result = vec![0.0; groups * 2 * shape[3]];
    for group in 0..groups {
        for channel in 0..shape[3] {
            let [first, second] = numbers(group, channel);
            result[2 * group * shape[3] + channel] = first;
            result[(2 * group + 1) * shape[3] + channel] = second;
        }
    }
    result
}

/// Mean and 1 / standard deviation of each group and channel, `[groups][2][channels]`.
pub fn statistics(input: &[f64], shape: impl Into<Dims>, groups: usize) -> Vec<f64> {
    let shape = shape.into();
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
    shape: impl Into<Dims>,
    stats: &[f64],
    groups: usize,
) -> Vec<(f64, f64, f64, usize)> {
    let shape = shape.into();
    let (pixels, channels) = (rows_of(shape) / groups, shape[3]);
    let element = |i: usize| {
        let (group, c) = (i / channels / pixels, i % channels);
        (
            input[i],
            stats[2 * group * channels + c],
            stats[(2 * group + 1) * channels + c],
            c,
        )
    };
    (0..len(shape)).map(element).collect()
}

/// Each element less its mean, times its inv_std, times weight and plus bias of its channel.
pub fn normalize(
    input: &[f64],
    shape: impl Into<Dims>,
    stats: &[f64],
    groups: usize,
    affine: Option<(&[f64], &[f64])>,
) -> Vec<f64> {
    let shape = shape.into();
    let (weight, bias) = affine.unzip();
    let of = |vector: Option<&[f64]>, c: usize, default: f64| vector.map_or(default, |v| v[c]);
    let one = |(x, mean, inv_std, c)| of(weight, c, 1.0) * (x - mean) * inv_std + of(bias, c, 0.0);
    elements(input, shape, stats, groups)
        .into_iter()
        .map(one)
        .collect()
}

/// Sums of `grad_output`, and of `grad_output` times the normalised input, `[groups][2][channels]`.
pub fn grad_sums(
    grad_output: &[f64],
    input: &[f64],
    shape: impl Into<Dims>,
    stats: &[f64],
    groups: usize,
) -> Vec<f64> {
    let shape = shape.into();
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
    shape: impl Into<Dims>,
    stats: &[f64],
    groups: usize,
    weight: Option<&[f64]>,
) -> Vec<f64> {
    let shape = shape.into();
    let sums = grad_sums(grad_output, input, shape, stats, groups);
    let (pixels, channels) = (rows_of(shape) / groups, shape[3]);
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
