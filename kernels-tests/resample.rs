//! Twins of `shaders/resample/`: a map of more pixels as a list of taps, and a map of means, each
//! read in one direction and in the other.

use pix2pix::ops::resample::{AveragePool, AveragePoolBackward, Resample, ResampleBackward};
use pix2pix::tape::{Op, ShapeError};
use pix2pix::tensor::{DType, Shape};
use pix2pix_harness::resample::{enlarged, for_each_pooled, pooled, twin_of};
use pix2pix_harness::{Surroundings, Tensor, Tolerance, check, gpu, precisions, run};

/// At most 16 products with weights that are multiples of 1/16.
const CLOSE: Tolerance = Tolerance {
    absolute: 1e-6,
    relative: 1e-6,
};

/// Maps of one pixel, of a row, ragged channels, several images, more than one workgroup.
fn cases() -> Vec<(Resample, Shape)> {
    let maps = [
        Shape::nhwc(1, 1, 1, 4),
        Shape::nhwc(2, 1, 2, 3),
        Shape::nhwc(1, 2, 2, 5),
        Shape::nhwc(2, 4, 5, 6),
        Shape::nhwc(3, 7, 4, 1),
        Shape::nhwc(1, 19, 23, 9),
    ];
    let mut cases: Vec<(Resample, Shape)> = maps
        .iter()
        .flat_map(|&map| [(Resample::Nearest, map), (Resample::Bilinear, map)])
        .collect();
    for map in maps {
        let most = map.height().min(map.width()) - 1;
        cases.extend(
            (0..=3)
                .filter(|&pad| pad <= most)
                .map(|pad| (Resample::ReflectPad { pad }, map)),
        );
    }
    cases
}

#[test]
fn resampling_and_its_gradient_match_their_twins() {
    let gpu = gpu();
    for dtype in precisions(&gpu, "resample") {
        for (kind, small) in cases() {
            let large = kind.output_shape(&[small]).unwrap();
            let (input, grad_output) = (
                Tensor::random(small, 1).stored(dtype),
                Tensor::random(large, 2).stored(dtype),
            );
            let output = enlarged(kind, small, &input.f64());
            let (above, mut grad_input) = (grad_output.f64(), vec![0.0; small.len()]);
            twin_of(kind).for_each_tap(small.dims(), |to, from, weight| {
                grad_input[from] += weight * above[to]
            });
            check(
                &gpu,
                &format!("{kind:?} of {small}"),
                &kind,
                &[input],
                &output,
                CLOSE,
            );
            let op = ResampleBackward {
                resample: kind,
                shape: small,
            };
            check(
                &gpu,
                &format!("{kind:?} backward to {small}"),
                &op,
                &[grad_output],
                &grad_input,
                CLOSE,
            );
        }
    }
}

/// At most nine numbers of one size are summed, and a quotient is rounded once.
const MEANS: Tolerance = Tolerance {
    absolute: 1e-6,
    relative: 2e-6,
};

/// Maps of one pixel, of a row and a column, even and odd sizes, ragged channels, several images,
/// and more than one workgroup.
const POOLED: [Shape; 8] = [
    Shape::nhwc(1, 1, 1, 4),
    Shape::nhwc(2, 1, 2, 3),
    Shape::nhwc(1, 3, 1, 1),
    Shape::nhwc(1, 2, 2, 5),
    Shape::nhwc(2, 4, 5, 6),
    Shape::nhwc(3, 7, 4, 1),
    Shape::nhwc(1, 19, 23, 9),
    Shape::nhwc(2, 16, 16, 8),
];

#[test]
fn average_pooling_and_its_gradient_match_their_twins() {
    let gpu = gpu();
    for dtype in precisions(&gpu, "resample") {
        for large in POOLED {
            let small = AveragePool.output_shape(&[large]).unwrap();
            let (input, grad_output) = (
                Tensor::random(large, 1).stored(dtype),
                Tensor::random(small, 2).stored(dtype),
            );
            let output = pooled(large, &input.f64());
            let (above, mut grad_input) = (grad_output.f64(), vec![0.0; large.len()]);
            for_each_pooled(large.dims(), |to, from, weight| {
                grad_input[from] += weight * above[to]
            });
            let what = format!("pool {large}");
            check(&gpu, &what, &AveragePool, &[input], &output, MEANS);
            let what = format!("pool backward to {large}");
            let op = AveragePoolBackward { shape: large };
            check(&gpu, &what, &op, &[grad_output], &grad_input, MEANS);
        }
    }
}

/// PyTorch 2.15's `AvgPool2d(3, stride=2, padding=1, count_include_pad=False)` of these numbers.
#[test]
fn the_pad_of_a_mean_does_not_count() {
    let gpu = gpu();
    let numbers: Vec<f32> = (0..20).map(|i| (i * i % 17) as f32).collect();
    let input = Tensor::new(Shape::nhwc(1, 4, 5, 1), numbers).stored(DType::F32);
    let surroundings = Surroundings::default();
    let got = run(&gpu, "means", &AveragePool, &[input], false, &surroundings).output;
    let expected = [2.75, 7.333333, 12.75, 5.333333, 6.444444, 9.333333];
    for (got, expected) in got.iter().zip(expected) {
        assert!((got - expected).abs() < 1e-5, "{got} is not {expected}");
    }
    let backward = AveragePoolBackward {
        shape: Shape::nhwc(1, 4, 5, 2),
    };
    let shape = |sides: [usize; 2]| Shape::nhwc(1, sides[0], sides[1], 2);
    assert_eq!(backward.output_shape(&[shape([2, 3])]), Ok(shape([4, 5])));
    assert!(backward.output_shape(&[shape([2, 2])]).is_err());
}

/// Exactly, in every storage: half of the places are copies.
#[test]
fn copies_are_exact() {
    let gpu = gpu();
    for (kind, expected) in [
        (
            Resample::ReflectPad { pad: 2 },
            [3.0, 2.0, 1.0, 2.0, 3.0, 2.0, 1.0].as_slice(),
        ),
        (Resample::Nearest, &[1.0, 1.0, 2.0, 2.0, 3.0, 3.0]),
        (Resample::Bilinear, &[1.0, 1.25, 1.75, 2.25, 2.75, 3.0]),
    ] {
        let input =
            Tensor::new(Shape::nhwc(1, 3, 3, 1), [1.0, 2.0, 3.0].repeat(3)).stored(DType::F32);
        let got = run(
            &gpu,
            "a row",
            &kind,
            &[input],
            false,
            &Surroundings::default(),
        )
        .output;
        assert_eq!(&got[..expected.len()], expected, "{kind:?}");
    }
}

#[test]
fn a_map_that_is_too_small_for_its_mirror_is_refused() {
    let pad = Resample::ReflectPad { pad: 3 };
    for small in [Shape::nhwc(1, 3, 8, 4), Shape::nhwc(1, 8, 3, 4)] {
        assert!(
            matches!(pad.output_shape(&[small]), Err(ShapeError::Invalid { .. })),
            "{small}"
        );
    }
    assert_eq!(
        pad.output_shape(&[Shape::nhwc(1, 4, 5, 2)]),
        Ok(Shape::nhwc(1, 10, 11, 2))
    );
    let backward = ResampleBackward {
        resample: Resample::Nearest,
        shape: Shape::nhwc(1, 4, 4, 2),
    };
    assert!(backward.output_shape(&[Shape::nhwc(1, 8, 9, 2)]).is_err());
}
