//! `shaders/conv2d_grad_weight/`: every rung against the twin in both orientations, and the twin
//! against finite differences.

use pix2pix::contraction::{Family, Geometry};
use pix2pix::ops::conv2d_grad_weight::Conv2dGradWeight;
use pix2pix::tensor::DType;
use pix2pix_harness::contraction::grad_weight as twin;
use pix2pix_harness::contraction::{
    ContractionCase, Reach, Rungs, SLOPES, Tested, activated, candidate_cases, check_activated,
    check_candidates, check_default, check_rungs, default_cases, rung_cases, shapes, swapped,
};
use pix2pix_harness::{Tensor, gpu, precisions};

const FAMILY: Family = Family::Conv2dGradWeight;

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
        let inputs = [
            Tensor::random(large, 1).stored(dtype),
            Tensor::random(small, 2).stored(dtype),
        ];
        let expected = twin(case.0, &inputs[0], &inputs[1]);
        let name = format!("conv2d_grad_weight {:?} {large} and {small}", case.0);
        let op = |transposed_output| Conv2dGradWeight {
            geometry: case.0,
            transposed_output,
        };
        f(&Tested {
            name: &name,
            op: &op(false),
            inputs: &inputs,
            expected: &expected,
            terms: small.rows(),
        });

        let as_weight = Tensor::new(weight, expected.iter().map(|&v| v as f32).collect());
        let expected = swapped(&as_weight).f64();
        f(&Tested {
            name: &format!("{name} transposed"),
            op: &op(true),
            inputs: &inputs,
            expected: &expected,
            terms: small.rows(),
        });
    }
}

#[test]
#[ignore = "second tier: every candidate"]
fn every_candidate_matches_the_twin() {
    let gpu = gpu();
    let mut rungs = Rungs::new(Reach::All);
    for (case, dtype) in candidate_cases(&gpu, FAMILY, Reach::All) {
        let (large, small, _) = shapes(case);
        let inputs = [
            Tensor::random(large, 1).stored(dtype),
            Tensor::random(small, 2).stored(dtype),
        ];
        let expected = twin(case.0, &inputs[0], &inputs[1]);
        let op = Conv2dGradWeight {
            geometry: case.0,
            transposed_output: false,
        };
        check_candidates(
            &gpu,
            &mut rungs,
            &Tested {
                name: &format!("conv2d_grad_weight {large}"),
                op: &op,
                inputs: &inputs,
                expected: &expected,
                terms: small.rows(),
            },
        );
    }
}

#[test]
#[ignore = "second tier: every candidate"]
fn either_map_can_be_read_through_an_activation_by_every_candidate() {
    let gpu = gpu();
    let mut rungs = Rungs::new(Reach::All);
    let slopes = [[SLOPES[0], 1.0], [1.0, SLOPES[0]], [SLOPES[1], SLOPES[1]]];
    for ((case, dtype), slopes) in candidate_cases(&gpu, FAMILY, Reach::All)
        .flat_map(|case| slopes.map(|slopes| (case, slopes)))
    {
        let (large, small, _) = shapes(case);
        let inputs = [
            Tensor::random(large, 1).stored(dtype),
            Tensor::random(small, 2).stored(dtype),
        ];
        let expected = twin(
            case.0,
            &activated(&inputs[0], slopes[0]),
            &activated(&inputs[1], slopes[1]),
        );
        let op = Conv2dGradWeight {
            geometry: case.0,
            transposed_output: false,
        };
        check_activated(
            &gpu,
            &mut rungs,
            slopes,
            &Tested {
                name: "conv2d_grad_weight",
                op: &op,
                inputs: &inputs,
                expected: &expected,
                terms: small.rows(),
            },
        );
    }
    rungs.assert_complete(&gpu, FAMILY, &[false]);
}

/// Large enough for the workgroup rung to split its sum, so that the reduction runs.
#[test]
fn a_split_sum_is_reduced() {
    let gpu = gpu();
    let mut rungs = Rungs::new(Reach::All);
    let case = (Geometry::new(4, 2, 1), 1, [40, 40], [3, 8]);
    let (large, small, _) = shapes(case);
    for dtype in precisions(&gpu, "conv2d_grad_weight by split sums") {
        let inputs = [
            Tensor::random(large, 3).stored(dtype),
            Tensor::random(small, 4).stored(dtype),
        ];
        let op = Conv2dGradWeight {
            geometry: case.0,
            transposed_output: false,
        };
        check_rungs(
            &gpu,
            &mut rungs,
            &Tested {
                name: "split sum",
                op: &op,
                inputs: &inputs,
                expected: &twin(case.0, &inputs[0], &inputs[1]),
                terms: small.rows(),
            },
        );
    }
}

/// So many rows of few channels that a GPU would sum them in parts, of which the last have none.
#[test]
#[ignore = "second tier: every candidate"]
fn parts_without_rows_add_nothing_by_every_candidate() {
    let gpu = gpu();
    let mut rungs = Rungs::new(Reach::All);
    let case = (Geometry::new(4, 1, 1), 3, [28, 4], [36, 2]);
    let (large, small, _) = shapes(case);
    for dtype in precisions(&gpu, "conv2d_grad_weight by parts without rows") {
        let inputs = [
            Tensor::random(large, 3).stored(dtype),
            Tensor::random(small, 4).stored(dtype),
        ];
        for transposed_output in [false, true] {
            let expected = twin(case.0, &inputs[0], &inputs[1]);
            let as_weight =
                Tensor::new(shapes(case).2, expected.iter().map(|&v| v as f32).collect());
            let expected = if transposed_output {
                swapped(&as_weight).f64()
            } else {
                expected
            };
            let op = Conv2dGradWeight {
                geometry: case.0,
                transposed_output,
            };
            check_candidates(
                &gpu,
                &mut rungs,
                &Tested {
                    name: "parts without rows",
                    op: &op,
                    inputs: &inputs,
                    expected: &expected,
                    terms: small.rows(),
                },
            );
        }
    }
}
