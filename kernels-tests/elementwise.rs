//! Twins of `shaders/elementwise/`.

use crate::harness::{Tensor, Tolerance, check, gpu, precisions};
use pix2pix::gpu::Gpu;
use pix2pix::ops::elementwise::{Binary, Scale};
use pix2pix::ops::{Concat, Fill, Slice};
use pix2pix::tensor::{DType, Shape};

const EXACT: Tolerance = Tolerance { absolute: 0.0, relative: 1e-7 };

/// Shapes in every type that activations can be stored as.
fn cases(gpu: &Gpu) -> Vec<(Shape, DType)> {
    precisions(gpu, "elementwise").into_iter().flat_map(|dtype| shapes().map(|shape| (shape, dtype))).collect()
}

fn shapes() -> [Shape; 6] {
    [
        Shape::scalar(),
        Shape::vector(5),
        Shape::nhwc(1, 1, 1, 8),
        Shape::nhwc(2, 3, 5, 3),
        Shape::nhwc(1, 17, 9, 6),
        Shape::nhwc(2, 8, 8, 16),
    ]
}

#[test]
fn binary_matches_its_twin() {
    let gpu = gpu();
    for (shape, dtype) in cases(&gpu) {
        let (left, right) = (Tensor::random(shape, 1).stored(dtype), Tensor::random(shape, 2).stored(dtype));
        for product in [false, true] {
            let op = Binary { product, scale: 0.5 };
            let twin = |(a, b): (&f64, &f64)| 0.5 * if product { a * b } else { a + b };
            let expected: Vec<f64> = left.f64().iter().zip(&right.f64()).map(twin).collect();
            check(&gpu, &format!("{op:?} {shape}"), &op, &[left.clone(), right.clone()], &expected, EXACT);
        }
    }
}

#[test]
fn scale_and_fill_match_their_twins() {
    let gpu = gpu();
    for (shape, dtype) in cases(&gpu) {
        let input = Tensor::random(shape, 3).stored(dtype);
        let expected: Vec<f64> = input.f64().iter().map(|v| 100.0 * v).collect();
        check(&gpu, &format!("scale {shape}"), &Scale { scale: 100.0 }, &[input], &expected, EXACT);
        check(&gpu, &format!("fill {shape}"), &Fill { value: 3.0, shape }, &[], &vec![3.0; shape.len()], EXACT);
    }
}

#[test]
fn concat_and_slice_copy_any_channels() {
    let gpu = gpu();
    let widths = [(3, 3), (1, 3), (4, 8), (5, 2), (16, 16)];
    let cases = precisions(&gpu, "concat and slice").into_iter().flat_map(|dtype| widths.map(|widths| (widths, dtype)));
    for ((a, b), dtype) in cases {
        let rows = Shape::nhwc(2, 3, 5, 1);
        let random = |channels, seed| Tensor::random(rows.with_channels(channels), seed).stored(dtype);
        let (left, right) = (random(a, 4), random(b, 5));
        let joined: Vec<f64> = left.f64().chunks(a).zip(right.f64().chunks(b)).flat_map(|(l, r)| [l, r].concat()).collect();
        check(&gpu, &format!("concat {a} and {b}"), &Concat, &[left, right.clone()], &joined, EXACT);
        let whole = Tensor::new(rows.with_channels(a + b), joined.iter().map(|&v| v as f32).collect()).stored(dtype);
        check(&gpu, &format!("slice {a}.."), &Slice { start: a, channels: b }, &[whole], &right.f64(), EXACT);
    }
}
