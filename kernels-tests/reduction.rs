//! Twins of `shaders/reduction/`: sums over groups of pixels, and values broadcast over them.

use pix2pix::gpu::{DeviceClass, Profile};
use pix2pix::ops::reduction::{Broadcast, Sum};
use pix2pix::tape::{Op, ShapeError};
use pix2pix::tensor::Shape;
use pix2pix_harness::reduction::{places, reduced};
use pix2pix_harness::{Surroundings, Tensor, Tolerance, check, check_in, gpu, precisions, run};

/// One chunk and many, a ragged last chunk, padded channels, many channels on few pixels.
fn maps() -> [Shape; 8] {
    [
        Shape::scalar(),
        Shape::vector(6),
        Shape::nhwc(2, 3, 5, 3),
        Shape::nhwc(4, 7, 9, 1),
        Shape::nhwc(2, 1, 2, 260),
        Shape::nhwc(3, 33, 31, 6),
        Shape::nhwc(1, 61, 67, 8),
        Shape::nhwc(2, 40, 40, 17),
    ]
}

#[test]
fn sums_match_their_twin() {
    let gpu = gpu();
    for dtype in precisions(&gpu, "reduction") {
        for (map, shape) in maps()
            .into_iter()
            .flat_map(|map| reduced(map).into_iter().map(move |shape| (map, shape)))
        {
            let (left, right) = (
                Tensor::random(map, 1).stored(dtype),
                Tensor::random(map, 2).stored(dtype),
            );
            let scale = 0.25;
            let (mut sums, mut products) = (vec![0.0; shape.len()], vec![0.0; shape.len()]);
            for ((place, l), r) in places(map, shape)
                .into_iter()
                .zip(left.f64())
                .zip(right.f64())
            {
                sums[place] += scale * l;
                products[place] += scale * l * r;
            }
            let tolerance = Tolerance::sum_of(map.len() / shape.len(), scale);
            let op = Sum {
                shape,
                scale: scale as f32,
            };
            for class in [DeviceClass::Cpu, DeviceClass::Gpu] {
                for sliced in [false, true] {
                    let around = Surroundings {
                        profile: Some(Profile {
                            class,
                            ..gpu.profile().clone()
                        }),
                        ..Default::default()
                    };
                    let name = format!("sum of {map} to {shape}, {class:?}");
                    check_in(
                        &gpu,
                        &name,
                        &op,
                        std::slice::from_ref(&left),
                        sliced,
                        &around,
                        &sums,
                        tolerance,
                    );
                    let both = [left.clone(), right.clone()];
                    check_in(
                        &gpu,
                        &format!("{name}, of products"),
                        &op,
                        &both,
                        sliced,
                        &around,
                        &products,
                        tolerance,
                    );
                }
            }
        }
    }
}

#[test]
fn values_are_broadcast_over_their_pixels() {
    let gpu = gpu();
    for dtype in precisions(&gpu, "reduction") {
        for (map, shape) in maps()
            .into_iter()
            .flat_map(|map| reduced(map).into_iter().map(move |shape| (map, shape)))
        {
            let input = Tensor::random(shape, 3).stored(dtype);
            let expected: Vec<f64> = places(map, shape)
                .into_iter()
                .map(|place| 0.5 * input.f64()[place])
                .collect();
            let exact = Tolerance {
                absolute: 0.0,
                relative: 1e-7,
            };
            check(
                &gpu,
                &format!("broadcast {shape} to {map}"),
                &Broadcast {
                    shape: map,
                    scale: 0.5,
                },
                &[input],
                &expected,
                exact,
            );
        }
    }
}

#[test]
fn a_nan_reaches_its_group_and_channel_only() {
    let gpu = gpu();
    let map = Shape::nhwc(2, 40, 40, 3);
    let mut input = Tensor::random(map, 4);
    input.values[3 * 1700 + 1] = f32::NAN;
    let nan = |shape| {
        run(
            &gpu,
            "sum of a NaN",
            &Sum { shape, scale: 1.0 },
            std::slice::from_ref(&input),
            false,
            &Surroundings::default(),
        )
    };
    let nan = |shape| {
        nan(shape)
            .output
            .iter()
            .map(|value| value.is_nan())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        nan(Shape::nhwc(2, 1, 1, 3)),
        [false, false, false, false, true, false]
    );
    assert_eq!(nan(Shape::nhwc(2, 1, 1, 1)), [false, true]);
}

#[test]
fn other_shapes_are_refused() {
    let map = Shape::nhwc(4, 3, 5, 6);
    for wrong in [
        Shape::nhwc(3, 1, 1, 6),
        Shape::nhwc(4, 3, 1, 6),
        Shape::nhwc(4, 1, 1, 2),
        Shape::hwio(4, 1, 1, 6),
        Shape::nhwc(0, 1, 1, 6),
    ] {
        assert!(
            matches!(
                Sum {
                    shape: wrong,
                    scale: 1.0
                }
                .output_shape(&[map]),
                Err(ShapeError::Mismatch { .. })
            ),
            "{wrong}"
        );
        assert!(
            Broadcast {
                shape: map,
                scale: 1.0
            }
            .output_shape(&[wrong])
            .is_err(),
            "{wrong}"
        );
    }
    let sum = Sum {
        shape: Shape::scalar(),
        scale: 1.0,
    };
    assert!(sum.output_shape(&[map, Shape::nhwc(4, 3, 6, 5)]).is_err());
    assert!(sum.output_shape(&[]).is_err() && sum.output_shape(&[map; 3]).is_err());
    assert!(
        sum.output_shape(&[Shape::hwio(4, 4, 3, 6)]).is_err(),
        "a weight has pad rows"
    );
}
