//! Twins of `shaders/batch_norm/`: batch and instance normalisation, their gradients and the
//! running statistics.

mod normalisation;
mod running_statistics;

use pix2pix::ops::batch_norm::{
    GradInput, Groups, Normalize, RunningStatistics, Statistics, StatisticsOf, batch_norm,
    batch_norm_running, instance_norm, update_running_statistics,
};
use pix2pix::state::{Init, StateList};
use pix2pix::tape::Op;
use pix2pix::tape::Tape;
use pix2pix::tensor::Shape;
use pix2pix_harness::batch_norm::{
    CLOSE, EPS, GROUPS, count, grad_input, grad_sums, image, normalize, shapes, statistics,
};
use pix2pix_harness::{Surroundings, Tensor, Tolerance, check_splits, gpu, precisions, run};

#[test]
fn statistics_match_their_twin() {
    let gpu = gpu();
    for shape in shapes() {
        let parts = shape.batch().is_multiple_of(2).then_some(Groups::Parts(2));
        for groups in GROUPS.into_iter().chain(parts) {
            for dtype in precisions(&gpu, "norm_statistics") {
                let input = image(shape, 1).stored(dtype);
                let expected = statistics(&input.f64(), shape, count(groups, shape));
                let op = Statistics { groups, eps: EPS };
                check_splits(
                    &gpu,
                    &format!("{groups:?} statistics {shape}"),
                    &op,
                    &[input],
                    &expected,
                    CLOSE,
                );
            }
        }
    }
}

#[test]
fn a_small_variance_beside_a_large_mean_survives() {
    let gpu = gpu();
    for shape in [Shape::nhwc(1, 8, 8, 4), Shape::nhwc(1, 48, 40, 4)] {
        let mut input = Tensor::random(shape, 2);
        input.values.iter_mut().for_each(|v| *v = 1000.0 + 0.1 * *v);
        let expected = statistics(&input.f64(), shape, 1);
        // The inputs are exact, so only the statistics' own rounding counts: eps of the mean, and
        // sums relative to the first pixel.
        let close = Tolerance {
            absolute: 0.0,
            relative: 1e-5,
        };
        check_splits(
            &gpu,
            &format!("offset {shape}"),
            &Statistics {
                groups: Groups::Batch,
                eps: EPS,
            },
            &[input],
            &expected,
            close,
        );
        let flat = Tensor::new(shape, vec![3.0; shape.len()]);
        let expected = statistics(&flat.f64(), shape, 1);
        check_splits(
            &gpu,
            &format!("flat {shape}"),
            &Statistics {
                groups: Groups::Batch,
                eps: EPS,
            },
            &[flat],
            &expected,
            CLOSE,
        );
    }
}

#[test]
fn a_nan_reaches_the_statistics_of_its_channel_only() {
    let gpu = gpu();
    for shape in [Shape::nhwc(1, 8, 8, 4), Shape::nhwc(1, 48, 40, 4)] {
        let mut input = Tensor::random(shape, 3);
        input.values[shape.channels() * 9 + 2] = f32::NAN;
        let op = Statistics {
            groups: Groups::Batch,
            eps: EPS,
        };
        let got = run(&gpu, "nan", &op, &[input], false, &Surroundings::default()).output;
        let nan: Vec<bool> = got.iter().map(|v| v.is_nan()).collect();
        assert_eq!(
            nan,
            [false, false, true, false, false, false, true, false],
            "{shape}"
        );
    }
}

/// The twins' gradients are those of their own forward pass, statistics included.
#[test]
fn the_gradient_rules_meet_finite_differences() {
    for (shape, groups) in [
        (Shape::nhwc(2, 3, 2, 3), 1),
        (Shape::nhwc(2, 3, 2, 3), 2),
        (Shape::nhwc(1, 1, 2, 1), 1),
    ] {
        let vector = Shape::vector(shape.channels());
        let (input, grad_output) = (image(shape, 8).f64(), Tensor::random(shape, 9).f64());
        let (weight, bias) = (
            Tensor::random(vector, 10).f64(),
            Tensor::random(vector, 11).f64(),
        );
        let loss = |input: &[f64], weight: &[f64], bias: &[f64]| -> f64 {
            let stats = statistics(input, shape, groups);
            let output = normalize(input, shape, &stats, groups, Some((weight, bias)));
            output.iter().zip(&grad_output).map(|(y, g)| y * g).sum()
        };
        let stats = statistics(&input, shape, groups);
        let sums = grad_sums(&grad_output, &input, shape, &stats, groups);
        let added = |row: usize| -> Vec<f64> {
            let sum = |c| {
                (0..groups)
                    .map(|g| sums[(2 * g + row) * shape.channels() + c])
                    .sum()
            };
            (0..shape.channels()).map(sum).collect()
        };
        let grads = grad_input(&grad_output, &input, shape, &stats, groups, Some(&weight));
        let by_input = differences(&input, |moved| loss(moved, &weight, &bias));
        assert_near(&format!("{shape} input"), &grads, &by_input);
        let by_weight = differences(&weight, |moved| loss(&input, moved, &bias));
        assert_near(&format!("{shape} weight"), &added(1), &by_weight);
        let by_bias = differences(&bias, |moved| loss(&input, &weight, moved));
        assert_near(&format!("{shape} bias"), &added(0), &by_bias);
    }
}

/// The central difference of `loss` by each value.
fn differences(values: &[f64], loss: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let moved = |i: usize, by: f64| {
        let mut values = values.to_vec();
        values[i] += by;
        loss(&values)
    };
    (0..values.len())
        .map(|i| (moved(i, 1e-5) - moved(i, -1e-5)) / 2e-5)
        .collect()
}

fn assert_near(what: &str, got: &[f64], by_differences: &[f64]) {
    assert_eq!(got.len(), by_differences.len(), "{what}");
    for (a, b) in got.iter().zip(by_differences) {
        assert!(
            (a - b).abs() < 1e-7 * (1.0 + b.abs()),
            "{what}: {a}, by differences {b}"
        );
    }
}

#[test]
fn recording_prunes_gradients() {
    let mut states = StateList::default();
    let arena = states.arena("statistics", false);
    let vector = Shape::vector(6);
    let ids =
        ["mean", "var"].map(|name| states.add(arena, name.to_owned(), vector, Init::Constant(1.0)));
    let mut tape = Tape::default();
    let input = tape.input("input", Shape::nhwc(2, 3, 3, 6));
    let affine = ["weight", "bias"].map(|name| tape.input(name, vector));
    let running = ids.map(|id| tape.state(&states, id));

    let (output, stats) = batch_norm(&mut tape, input, affine, Groups::Batch, EPS).unwrap();
    update_running_statistics(&mut tape, stats, running, 18, 0.1, EPS).unwrap();
    assert!(
        batch_norm_running(&mut tape, input, affine, running, EPS).is_err(),
        "the running statistics are stale"
    );
    let running = ids.map(|id| tape.state(&states, id));
    let evaluated = batch_norm_running(&mut tape, input, affine, running, EPS).unwrap();
    let instance = instance_norm(&mut tape, input, EPS).unwrap();
    for (result, wrt, expected) in [
        (
            output,
            vec![input],
            vec!["norm_grad_sums", "normalize_backward"],
        ),
        (
            output,
            vec![affine[1]],
            vec!["norm_grad_sums", "norm_grad_bias"],
        ),
        (
            output,
            vec![input, affine[0]],
            vec!["norm_grad_sums", "normalize_backward", "norm_grad_weight"],
        ),
        (evaluated, vec![input], vec!["normalize_backward"]),
        (
            instance,
            vec![input],
            vec!["norm_grad_sums", "normalize_backward"],
        ),
    ] {
        let grad_output = tape.input("grad_output", tape.shape(result));
        let before = tape.nodes().len();
        let grads = tape.backward_from(result, grad_output, &wrt).unwrap();
        let names: Vec<_> = tape.nodes()[before..]
            .iter()
            .map(|node| node.name())
            .collect();
        assert_eq!(names, expected);
        assert!(
            wrt.iter()
                .zip(&grads)
                .all(|(&wrt, &grad)| tape.shape(wrt) == tape.shape(grad))
        );
    }
}

#[test]
fn recording_checks_shapes() {
    let mut tape = Tape::default();
    let vector = Shape::vector(6);
    let affine = ["weight", "bias"].map(|name| tape.input(name, vector));
    let stats = tape.input("stats", Shape::nhwc(1, 1, 2, 6));
    let single = tape.input("single", Shape::nhwc(1, 1, 1, 6));
    let message = batch_norm(&mut tape, single, affine, Groups::Batch, EPS)
        .unwrap_err()
        .to_string();
    assert!(message.contains("larger image"), "{message}");
    let pair = tape.input("pair", Shape::nhwc(2, 1, 1, 6));
    assert!(instance_norm(&mut tape, pair, EPS).is_err());
    assert!(batch_norm(&mut tape, pair, affine, Groups::Batch, EPS).is_ok());
    assert!(batch_norm(&mut tape, pair, [affine[0], stats], Groups::Batch, EPS).is_err());
}

#[test]
fn statistics_of_another_batch_are_refused() {
    let (image, stats) = (Shape::nhwc(3, 2, 2, 4), |groups| {
        Shape::nhwc(groups, 1, 2, 4)
    });
    let op = Normalize {
        from: StatisticsOf::Input,
    };
    assert!(op.output_shape(&[image, stats(3)]).is_ok());
    for shapes in [
        &[image, stats(2)][..],
        &[image, stats(0)],
        &[image, stats(1), Shape::vector(4)],
        &[image],
        &[],
    ] {
        assert!(op.output_shape(shapes).is_err(), "{shapes:?}");
    }
    assert!(
        RunningStatistics {
            momentum: 0.1,
            count: 1,
            eps: EPS
        }
        .output_shape(&[stats(1), Shape::vector(4), Shape::vector(4)])
        .is_err()
    );
    assert!(
        GradInput {
            from: StatisticsOf::Input,
            affine: true
        }
        .output_shape(&[image, stats(1)])
        .is_err()
    );
}
