//! `shaders/conv_transpose2d/`: every rung against the twin, as a transposed convolution and as the
//! input gradient of a convolution; and the two directions as adjoints of each other.

use pix2pix::contraction::Family;
use pix2pix::ops::conv_transpose2d::ConvTranspose2d;
use pix2pix::tensor::{DType, Shape};
use pix2pix_harness::contraction::{
    ContractionCase, Reach, Rungs, SLOPES, Tested, activated, candidate_cases, check_activated,
    check_candidates, check_default, check_rungs, default_cases, rung_cases, scatter, shapes,
    swapped,
};
use pix2pix_harness::{Tensor, gpu};

const FAMILY: Family = Family::ConvTranspose2d;

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
        let terms = case.0.kernel.pow(2) * small.channels();
        let (input, weight) = (
            Tensor::random(small, 1).stored(dtype),
            Tensor::random(weight, 2).stored(dtype),
        );
        let bias = Tensor::random(Shape::vector(large.channels()), 3);
        let name = format!("conv_transpose2d {:?} {small} to {large}", case.0);
        let op = |transposed_weight| ConvTranspose2d {
            geometry: case.0,
            out_height: large.height(),
            out_width: large.width(),
            transposed_weight,
            name: "conv_transpose2d",
        };

        let expected = scatter(case.0, &input, large, &weight, Some(&bias));
        let inputs = [input.clone(), swapped(&weight), bias];
        f(&Tested {
            name: &name,
            op: &op(false),
            inputs: &inputs,
            expected: &expected,
            terms,
        });

        let expected = scatter(case.0, &input, large, &weight, None);
        f(&Tested {
            name: &format!("{name} transposed"),
            op: &op(true),
            inputs: &[input, weight],
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
            Tensor::random(small, 1).stored(dtype),
            Tensor::random(weight, 2).stored(dtype),
        ];
        let expected = scatter(case.0, &inputs[0], large, &inputs[1], None);
        let [out_height, out_width] = [large.height(), large.width()];
        let op = ConvTranspose2d {
            geometry: case.0,
            out_height,
            out_width,
            transposed_weight: true,
            name: "conv_transpose2d",
        };
        let terms = case.0.kernel.pow(2) * small.channels();
        check_candidates(
            &gpu,
            &mut rungs,
            &Tested {
                name: &format!("conv_transpose2d {large}"),
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
            Tensor::random(small, 1).stored(dtype),
            Tensor::random(weight, 2).stored(dtype),
        ];
        let expected = scatter(
            case.0,
            &activated(&inputs[0], slope),
            large,
            &inputs[1],
            None,
        );
        let [out_height, out_width] = [large.height(), large.width()];
        let op = ConvTranspose2d {
            geometry: case.0,
            out_height,
            out_width,
            transposed_weight: true,
            name: "conv_transpose2d",
        };
        let terms = case.0.kernel.pow(2) * small.channels();
        check_activated(
            &gpu,
            &mut rungs,
            [slope, 1.0],
            &Tested {
                name: "conv_transpose2d",
                op: &op,
                inputs: &inputs,
                expected: &expected,
                terms,
            },
        );
    }
    rungs.assert_complete(&gpu, FAMILY, &[true]);
}
