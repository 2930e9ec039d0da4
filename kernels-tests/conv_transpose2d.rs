//! `shaders/conv_transpose2d/`: every rung against the twin, as a transposed convolution and as the
//! input gradient of a convolution; and the two directions as adjoints of each other.

use pix2pix::ops::conv_transpose2d::ConvTranspose2d;
use pix2pix::tensor::Shape;
use pix2pix_harness::contraction::{
    SLOPES, activated, candidate_cases, cases, check_activated, check_candidates, check_rungs,
    scatter, shapes, swapped,
};
use pix2pix_harness::{Tensor, gpu};

#[test]
fn every_rung_matches_the_twin() {
    let gpu = gpu();
    for (case, dtype) in cases(&gpu, "conv_transpose2d") {
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
        check_rungs(
            &gpu,
            "conv_transpose2d",
            &name,
            &op(false),
            &inputs,
            &expected,
            terms,
        );

        let expected = scatter(case.0, &input, large, &weight, None);
        check_rungs(
            &gpu,
            "conv_transpose2d",
            &format!("{name} transposed"),
            &op(true),
            &[input, weight],
            &expected,
            terms,
        );
    }
}

#[test]
fn every_candidate_matches_the_twin() {
    let gpu = gpu();
    for (case, dtype) in candidate_cases(&gpu, "conv_transpose2d") {
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
    let gpu = gpu();
    for ((case, dtype), slope) in
        candidate_cases(&gpu, "conv_transpose2d").flat_map(|case| SLOPES.map(|slope| (case, slope)))
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
            "conv_transpose2d",
            op,
            [slope, 1.0],
            &inputs,
            &expected,
            terms,
        );
    }
}
