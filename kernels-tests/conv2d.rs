//! `shaders/conv2d/`: every rung against the twin, as a convolution and as the input gradient of a
//! transposed one.

use pix2pix::contraction::{Family, Geometry, Rung};
use pix2pix::ops::conv2d::Conv2d;
use pix2pix::tape::{Op, ShapeError};
use pix2pix::tensor::{DType, Shape};
use pix2pix_harness::contraction::{
    ContractionCase, Reach, Rungs, SLOPES, Tested, activated, candidate_cases, check_activated,
    check_candidates, check_default, check_rungs, default_cases, gather, rung_cases, shapes,
    swapped,
};
use pix2pix_harness::{Surroundings, Tensor, Tolerance, compare, gpu, run};
use std::io::{Write, stderr};

const FAMILY: Family = Family::Conv2d;

#[test]
fn what_the_device_picks_matches_the_twin() {
    let gpu = gpu();
    for_each_case(default_cases(&gpu, FAMILY), |tested| {
        check_default(&gpu, tested);
    });
}

#[test]
fn every_rung_matches_the_twin() {
    rungs_match_the_twin(Reach::Rungs);
}

#[test]
#[ignore = "second tier: every rung on every shape"]
fn every_rung_matches_the_twin_on_every_shape() {
    rungs_match_the_twin(Reach::All);
}

fn rungs_match_the_twin(reach: Reach) {
    let gpu = gpu();
    let mut rungs = Rungs::new(reach);
    for_each_case(rung_cases(&gpu, FAMILY, reach), |tested| {
        check_rungs(&gpu, &mut rungs, tested);
    });
    rungs.assert_complete(&gpu, FAMILY, &[false, true]);
}

/// Calls `f` with every operation of a case.
fn for_each_case(cases: Vec<(ContractionCase, DType)>, mut f: impl FnMut(&Tested)) {
    for (case, dtype) in cases {
        let (large, small, weight) = shapes(case);
        let terms = case.0.kernel.pow(2) * large.channels();
        let (input, weight) = (
            Tensor::random(large, 1).stored(dtype),
            Tensor::random(weight, 2).stored(dtype),
        );
        let bias = Tensor::random(Shape::vector(small.channels()), 3);
        let name = format!("conv2d {:?} {large} to {small}", case.0);

        let op = Conv2d {
            geometry: case.0,
            transposed_weight: false,
        };
        let expected = gather(case.0, &input, small, &weight, Some(&bias));
        f(&Tested {
            name: &name,
            op: &op,
            inputs: &[input.clone(), weight.clone(), bias],
            expected: &expected,
            terms,
        });

        let op = Conv2d {
            geometry: case.0,
            transposed_weight: true,
        };
        let expected = gather(case.0, &input, small, &weight, None);
        f(&Tested {
            name: &format!("{name} transposed"),
            op: &op,
            inputs: &[input, swapped(&weight)],
            expected: &expected,
            terms,
        });
    }
}

#[test]
#[ignore = "second tier: every candidate"]
fn every_candidate_matches_the_twin() {
    let gpu = gpu();
    let mut rungs = Rungs::new(Reach::All);
    for (case, dtype) in candidate_cases(&gpu, FAMILY, Reach::All) {
        let (large, small, weight) = shapes(case);
        let inputs = [
            Tensor::random(large, 1).stored(dtype),
            Tensor::random(weight, 2).stored(dtype),
        ];
        let expected = gather(case.0, &inputs[0], small, &inputs[1], None);
        let op = Conv2d {
            geometry: case.0,
            transposed_weight: false,
        };
        let terms = case.0.kernel.pow(2) * large.channels();
        check_candidates(
            &gpu,
            &mut rungs,
            &Tested {
                name: &format!("conv2d {large}"),
                op: &op,
                inputs: &inputs,
                expected: &expected,
                terms,
            },
        );
    }
}

#[test]
#[ignore = "second tier: every candidate"]
fn the_input_can_be_read_through_an_activation_by_every_candidate() {
    let gpu = gpu();
    let mut rungs = Rungs::new(Reach::All);
    for ((case, dtype), slope) in
        candidate_cases(&gpu, FAMILY, Reach::All).flat_map(|case| SLOPES.map(|slope| (case, slope)))
    {
        let (large, small, weight) = shapes(case);
        let inputs = [
            Tensor::random(large, 1).stored(dtype),
            Tensor::random(weight, 2).stored(dtype),
        ];
        let expected = gather(
            case.0,
            &activated(&inputs[0], slope),
            small,
            &inputs[1],
            None,
        );
        let op = Conv2d {
            geometry: case.0,
            transposed_weight: false,
        };
        check_activated(
            &gpu,
            &mut rungs,
            [slope, 1.0],
            &Tested {
                name: "conv2d",
                op: &op,
                inputs: &inputs,
                expected: &expected,
                terms: case.0.kernel.pow(2) * large.channels(),
            },
        );
    }
    rungs.assert_complete(&gpu, FAMILY, &[false]);
}

/// Multiples of 1/1024 are f16 numbers and their products f32 numbers: then the matrix rung is off
/// by what the other rungs are.
#[test]
fn matrix_units_round_operands_only() {
    let gpu = gpu();
    if gpu.profile().matrix.is_none() {
        // Past the capture of a test's output, which is shown for failures only. No other test of
        // the rung runs here either.
        writeln!(
            stderr(),
            "SKIPPED: {}, since {} has no matrix units",
            Rung::Matrix,
            gpu.info().name
        )
        .unwrap();
        return;
    }
    let case = (Geometry::new(4, 1, 1), 1, [12, 10], [72, 40]);
    let (large, small, weight) = shapes(case);
    let exact = |t: Tensor| {
        Tensor::new(
            t.shape,
            t.values
                .iter()
                .map(|v| (v * 1024.0).round() / 1024.0)
                .collect(),
        )
    };
    let inputs = [
        exact(Tensor::random(large, 1)),
        exact(Tensor::random(weight, 2)),
    ];
    let op = Conv2d {
        geometry: case.0,
        transposed_weight: false,
    };
    let around = Surroundings {
        profile: Some(gpu.profile().clone().force("conv2d", Rung::Matrix.name())),
        ..Surroundings::default()
    };
    let got = run(&gpu, "exact operands", &op, &inputs, false, &around).output;
    let expected = gather(case.0, &inputs[0], small, &inputs[1], None);
    compare(
        "exact operands",
        &got,
        &expected,
        Tolerance::sum_of(16 * large.channels(), 1.0),
    );
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let op = Conv2d {
        geometry: Geometry::new(4, 2, 1),
        transposed_weight: false,
    };
    let image = Shape::nhwc(1, 8, 8, 3);
    let mismatch = op
        .output_shape(&[image, Shape::hwio(4, 4, 4, 8)])
        .unwrap_err();
    assert!(
        matches!(mismatch, ShapeError::Mismatch { left, .. } if left == image),
        "{mismatch}"
    );
    assert!(matches!(
        op.output_shape(&[image, Shape::hwio(3, 3, 3, 8)]),
        Err(ShapeError::Invalid { .. })
    ));
    assert!(matches!(
        op.output_shape(&[Shape::nhwc(1, 1, 1, 3), Shape::hwio(4, 4, 3, 8)]),
        Err(ShapeError::Invalid { .. })
    ));
    assert!(matches!(
        op.output_shape(&[image, Shape::hwio(4, 4, 3, 8), Shape::vector(3)]),
        Err(ShapeError::Mismatch { .. })
    ));
    assert!(matches!(
        op.output_shape(&[image]),
        Err(ShapeError::Arity { .. })
    ));
}
