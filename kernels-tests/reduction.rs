//! Twins of `shaders/reduction/`: sums over groups of pixels, and values broadcast over them.

use pix2pix::ops::reduction::{Broadcast, Sum};
use pix2pix::tape::{Op, ShapeError};
use pix2pix::tensor::Shape;
use pix2pix_harness::reduction::{MAPS, places, reduced, sums};
use pix2pix_harness::{
    Surroundings, Tensor, Tolerance, check, check_splits, gpu, maps, precisions, run,
};

/// Every map with every shape that it is reduced to.
fn cases() -> impl Iterator<Item = (Shape, Shape)> {
    let of_map = |map: Shape| reduced(map).into_iter().map(move |shape| (map, shape));
    [Shape::scalar(), Shape::vector(6)]
        .into_iter()
        .chain(maps(MAPS))
        .flat_map(of_map)
}

#[test]
fn sums_match_their_twin() {
    let gpu = gpu();
    for dtype in precisions(&gpu, "reduction") {
        for (map, shape) in cases() {
            let [left, right] = [1, 2].map(|seed| Tensor::random(map, seed).stored(dtype));
            let scale = 0.25;
            let op = Sum {
                shape,
                scale: scale as f32,
            };
            let name = format!("sum of {map} to {shape}");
            let places = places(map, shape);
            let of = |terms: Vec<f64>| sums(&places, &terms, shape.len(), scale);
            let pairs = left.f64().into_iter().zip(right.f64());
            let of_products = of(pairs.map(|(l, r)| l * r).collect());
            let expected = of(left.f64());
            let tolerance = Tolerance::sum_of(map.len() / shape.len(), scale);
            let one = std::slice::from_ref(&left);
            check_splits(&gpu, &name, &op, one, &expected, tolerance);
            let name = format!("{name}, of products");
            let both = [left.clone(), right];
            check_splits(&gpu, &name, &op, &both, &of_products, tolerance);
        }
    }
}

#[test]
fn values_are_broadcast_over_their_pixels() {
    let gpu = gpu();
    for dtype in precisions(&gpu, "reduction") {
        for (map, shape) in cases() {
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
