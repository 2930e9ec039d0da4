//! `shaders/conv_transpose2d/`: every rung against the twin, as a transposed convolution and as the
//! input gradient of a convolution; and the two directions as adjoints of each other.

use pix2pix::ops::conv_transpose2d::ConvTranspose2d;
use pix2pix::tape::Op;
use pix2pix::tensor::{DType, Shape};
use pix2pix_harness::contraction::{
    Case, Reach, SLOPES, activated, candidate_cases, check_activated, check_candidates,
    check_default, check_rungs, default_cases, rung_cases, scatter, shapes, swapped,
};
use pix2pix_harness::{Tensor, gpu};

const FAMILY: &str = "conv_transpose2d";

#[test]
fn what_the_device_picks_matches_the_twin() {
    let gpu = gpu();
    for_each_case(
        default_cases(&gpu, FAMILY),
        |name, op, inputs, expected, terms| {
            check_default(&gpu, name, op, inputs, expected, terms);
        },
    );
}

#[test]
fn every_rung_matches_the_twin() {
    rungs_match_the_twin(Reach::Rungs);
}

#[test]
#[ignore = "second tier: every rung on every shape"]
fn every_rung_matches_the_twin_on_every_shape() {
    rungs_match_the_twin(Reach::Candidates);
}

fn rungs_match_the_twin(reach: Reach) {
    let gpu = gpu();
    for_each_case(
        rung_cases(&gpu, FAMILY, reach),
        |name, op, inputs, expected, terms| {
            check_rungs(&gpu, FAMILY, name, op, inputs, expected, terms);
        },
    );
}

/// Calls `f` with every operation of a case: its name, the operation, its inputs, what its twin
/// makes of them, and the terms of a sum.
fn for_each_case(cases: Vec<(Case, DType)>, f: impl Fn(&str, &dyn Op, &[Tensor], &[f64], usize)) {
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
        f(&name, &op(false), &inputs, &expected, terms);

        let expected = scatter(case.0, &input, large, &weight, None);
        f(
            &format!("{name} transposed"),
            &op(true),
            &[input, weight],
            &expected,
            terms,
        );
    }
}

#[test]
#[ignore = "second tier: every candidate"]
fn every_candidate_matches_the_twin() {
    let gpu = gpu();
    for (case, dtype) in candidate_cases(&gpu, FAMILY, Reach::Candidates) {
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
            Reach::Candidates,
            &format!("conv_transpose2d {large}"),
            &op,
            &inputs,
            &expected,
            terms,
        );
    }
}

#[test]
fn the_input_can_be_read_through_an_activation() {
    activated_inputs_match_the_twin(Reach::Rungs);
}

#[test]
#[ignore = "second tier: every candidate"]
fn the_input_can_be_read_through_an_activation_by_every_candidate() {
    activated_inputs_match_the_twin(Reach::Candidates);
}

fn activated_inputs_match_the_twin(reach: Reach) {
    let gpu = gpu();
    for ((case, dtype), slope) in
        candidate_cases(&gpu, FAMILY, reach).flat_map(|case| SLOPES.map(|slope| (case, slope)))
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
            reach,
            "conv_transpose2d",
            op,
            [slope, 1.0],
            &inputs,
            &expected,
            terms,
        );
    }
}
