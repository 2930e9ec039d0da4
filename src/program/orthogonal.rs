//! Orthogonal initial weights (arXiv 1312.6120).

use crate::tensor::Shape;
use crate::threads;

/// Vectors of one block. They are made orthonormal first; then all later vectors lose their parts
/// along them. A block stays in the cache meanwhile.
const BLOCK: usize = 16;

/// Turns independent normal draws into a matrix with orthonormal rows, or columns if there are
/// fewer of these, times `gain`. This is PyTorch's `orthogonal_`. A row belongs to an index of the
/// reference's first axis: the output channels, or the input channels of a transposed convolution.
/// `values` are `[kernel_h, kernel_w, in or out, out or in]`.
pub(super) fn orthogonal(shape: Shape, transposed: bool, values: &[f32], gain: f32) -> Vec<f32> {
    let [height, width, a, b] = shape.dims();
    let (rows, columns) = if transposed {
        (a, height * width * b)
    } else {
        (b, height * width * a)
    };
    let at = |i: usize| match transposed {
        false => [i % b, i / b],
        true => [i / b % a, i / (a * b) * b + i % b],
    };
    let length = rows.max(columns);
    let place = |i: usize| {
        let [row, column] = at(i);
        if rows <= columns {
            row * length + column
        } else {
            column * length + row
        }
    };
    let mut vectors = vec![0.0; values.len()];
    values
        .iter()
        .enumerate()
        .for_each(|(i, &value)| vectors[place(i)] = f64::from(value));
    orthonormalise(&mut vectors, length);
    (0..values.len())
        .map(|i| (vectors[place(i)] * f64::from(gain)) as f32)
        .collect()
}

/// Modified Gram-Schmidt over vectors of `length` numbers. It gives the Q of a QR decomposition
/// whose R has a positive diagonal, so from normal draws Q is distributed evenly. Draws are far
/// from dependent, so in f64 no orthogonality is lost.
fn orthonormalise(vectors: &mut [f64], length: usize) {
    let mut rest = vectors;
    while !rest.is_empty() {
        let (block, later) = rest.split_at_mut((BLOCK * length).min(rest.len()));
        for i in 0..block.len() / length {
            let (done, open) = block.split_at_mut(i * length);
            let vector = &mut open[..length];
            done.chunks(length).for_each(|unit| remove(unit, vector));
            let norm = dot(vector, vector).sqrt().max(f64::MIN_POSITIVE);
            vector.iter_mut().for_each(|v| *v /= norm);
        }
        let units = &*block;
        let share = (later.len() / length).div_ceil(threads::count()).max(1) * length;
        threads::each(later.chunks_mut(share), |part| {
            part.chunks_mut(length)
                .for_each(|vector| units.chunks(length).for_each(|unit| remove(unit, vector)));
        });
        rest = later;
    }
}

/// Subtracts from `vector` its part along `unit`.
fn remove(unit: &[f64], vector: &mut [f64]) {
    let along = dot(unit, vector);
    vector
        .iter_mut()
        .zip(unit)
        .for_each(|(v, u)| *v -= along * u);
}

/// Eight sums side by side, because the compiler keeps these in vector registers.
fn dot(left: &[f64], right: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (lefts, rights) = (left.chunks_exact(8), right.chunks_exact(8));
    let rest: f64 = lefts
        .remainder()
        .iter()
        .zip(rights.remainder())
        .map(|(a, b)| a * b)
        .sum();
    for (left, right) in lefts.zip(rights) {
        sums.iter_mut()
            .zip(left.iter().zip(right))
            .for_each(|(sum, (a, b))| *sum += a * b);
    }
    sums.iter().sum::<f64>() + rest
}
