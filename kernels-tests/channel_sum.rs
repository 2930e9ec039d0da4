//! Twin of `shaders/channel_sum/`.

use pix2pix::ops::channel_sum::ChannelSum;
use pix2pix::tensor::{DType, Shape};
use pix2pix_harness::twins::channel_sum::channel_sum;
use pix2pix_harness::{Surroundings, Tensor, Tolerance, check, gpu, precisions, run};

#[test]
fn channel_sum_matches_its_twin() {
    let gpu = gpu();
    let shapes = [
        Shape::scalar(),
        Shape::vector(6),
        Shape::nhwc(2, 3, 5, 3),
        Shape::nhwc(1, 30, 30, 1),
        Shape::nhwc(1, 4, 4, 512),
        Shape::nhwc(2, 9, 7, 260),
        Shape::nhwc(1, 65, 67, 8),
        Shape::nhwc(2, 33, 31, 16),
        Shape::nhwc(1, 17, 19, 64),
        Shape::nhwc(2, 61, 37, 24),
        Shape::nhwc(1, 256, 256, 3),
    ];
    let cases = precisions(&gpu, "channel_sum")
        .into_iter()
        .flat_map(|dtype| shapes.map(|shape| (shape, dtype)));
    for (shape, dtype) in cases {
        let input = Tensor::random(shape, 1).stored(dtype);
        let expected = channel_sum(&input.f64(), shape.channels());
        let tolerance = Tolerance::sum_of(shape.rows(), 1.0);
        check(
            &gpu,
            &format!("channel_sum {shape}"),
            &ChannelSum,
            &[input],
            &expected,
            tolerance,
        );
    }
}

/// What dynamic loss scaling looks for.
#[test]
fn a_sum_beyond_f16_is_stored_as_an_infinity() {
    let gpu = gpu();
    if !precisions(&gpu, "channel_sum beyond f16").contains(&DType::F16) {
        return;
    }
    // Added by one launch, and by two.
    for shape in [Shape::nhwc(1, 2, 2, 3), Shape::nhwc(1, 128, 128, 3)] {
        let input =
            Tensor::new(shape, [40_000.0, -40_000.0, 0.25].repeat(shape.rows())).stored(DType::F16);
        let got = run(
            &gpu,
            "channel_sum beyond f16",
            &ChannelSum,
            &[input],
            false,
            &Surroundings::of(DType::F16),
        )
        .output;
        assert_eq!(
            got,
            [f32::INFINITY, f32::NEG_INFINITY, 0.25 * shape.rows() as f32]
        );
    }
}

#[test]
fn a_nan_reaches_its_channel_only() {
    let gpu = gpu();
    let mut input = Tensor::random(Shape::nhwc(1, 90, 90, 3), 2);
    input.values[3 * 5000 + 1] = f32::NAN;
    let got = run(
        &gpu,
        "channel_sum of a NaN",
        &ChannelSum,
        &[input],
        false,
        &Surroundings::default(),
    )
    .output;
    assert_eq!(
        [got[0].is_nan(), got[1].is_nan(), got[2].is_nan()],
        [false, true, false]
    );
}
