//! Twins of `shaders/loss/`, forward and backward, and how they take extreme values.

use pix2pix::ops::loss::{Loss, LossBackward, LossKind};
use pix2pix::tape::Tape;
use pix2pix::tensor::Shape;
use pix2pix_harness::loss::twin;
use pix2pix_harness::{Surroundings, Tensor, Tolerance, check, gpu, precisions, run};

const SINGLE: [LossKind; 8] = [
    LossKind::BceWithLogits { target: 0.0 },
    LossKind::BceWithLogits { target: 1.0 },
    LossKind::BceWithLogits { target: 0.9 },
    LossKind::Mse { target: 1.0 },
    LossKind::WganMean { sign: -1.0 },
    LossKind::WganMean { sign: 1.0 },
    LossKind::Hinge { sign: -1.0 },
    LossKind::Hinge { sign: 1.0 },
];
const PAIRS: [LossKind; 2] = [LossKind::L1, LossKind::MsePair];

fn shapes() -> [Shape; 7] {
    [
        Shape::scalar(),
        Shape::nhwc(1, 1, 1, 6),
        Shape::nhwc(2, 5, 3, 3),
        Shape::nhwc(1, 30, 30, 1),
        Shape::nhwc(1, 19, 17, 16),
        Shape::nhwc(2, 9, 7, 64),
        Shape::nhwc(1, 75, 77, 3),
    ]
}

fn finite_difference(kind: LossKind, x: f64, desired: f64) -> f64 {
    (twin(kind, x + 1e-6, desired) - twin(kind, x - 1e-6, desired)) / 2e-6
}

/// Inputs of `kind`; some elements of a pair are ties, where the central difference of L1 is 0 as
/// its gradient is.
fn inputs(kind: LossKind, shape: Shape) -> Vec<Tensor> {
    let mut input = Tensor::random(shape, 1);
    input.values.iter_mut().for_each(|v| *v *= 6.0);
    // At its kink the hinge has no derivative.
    input
        .values
        .iter_mut()
        .filter(|v| (v.abs() - 1.0).abs() < 0.01)
        .for_each(|v| *v *= 1.1);
    if !PAIRS.contains(&kind) {
        return vec![input];
    }
    let mut target = Tensor::random(shape, 2);
    target
        .values
        .iter_mut()
        .zip(&input.values)
        .step_by(7)
        .for_each(|(t, x)| *t = *x);
    vec![input, target]
}

#[test]
fn losses_and_their_gradients_match_their_twins() {
    let gpu = gpu();
    let kinds = || SINGLE.into_iter().chain(PAIRS);
    let cases = precisions(&gpu, "loss")
        .into_iter()
        .flat_map(|dtype| kinds().map(move |kind| (kind, dtype)));
    for (kind, dtype) in cases {
        for shape in shapes() {
            let mut inputs: Vec<Tensor> = inputs(kind, shape)
                .into_iter()
                .map(|input| input.stored(dtype))
                .collect();
            let desired = inputs.last().unwrap().f64();
            let pairs: Vec<(f64, f64)> = inputs[0].f64().into_iter().zip(desired).collect();
            let count = shape.len() as f64;
            let mean = pairs.iter().map(|&(x, t)| twin(kind, x, t)).sum::<f64>() / count;
            let largest = pairs
                .iter()
                .map(|&(x, t)| twin(kind, x, t).abs())
                .fold(0.0, f64::max);
            // Elements are rounded a few times each; a mean of terms of either sign may be smaller
            // than they are.
            let tolerance = Tolerance {
                absolute: 1e-6 * largest / count.sqrt(),
                relative: 1e-6,
            };
            check(
                &gpu,
                &format!("{kind:?} {shape}"),
                &Loss { kind },
                &inputs,
                &[mean],
                tolerance,
            );

            let grad_output = 100.0;
            let expected: Vec<f64> = pairs
                .iter()
                .map(|&(x, t)| grad_output * finite_difference(kind, x, t) / count)
                .collect();
            inputs.push(Tensor::new(Shape::scalar(), vec![grad_output as f32]));
            // The finite difference itself is good to about 1e-16 * 49 / 1e-6 of a derivative of up
            // to 14.
            let tolerance = Tolerance {
                absolute: 1e-6 * grad_output / count,
                relative: 1e-6,
            };
            check(
                &gpu,
                &format!("{kind:?} {shape} backward"),
                &LossBackward { kind },
                &inputs,
                &expected,
                tolerance,
            );
        }
    }
}

const EXTREME: [f32; 10] = [
    0.0,
    1e-30,
    -20.0,
    20.0,
    88.8,
    -104.0,
    1e4,
    -1e4,
    1e18,
    f32::NAN,
];

/// A single value, and what it is compared with if the loss is of pairs.
fn of_one_value(kind: LossKind, value: f32) -> Vec<Tensor> {
    let pair = [value, 0.5].map(|value| Tensor::new(Shape::scalar(), vec![value]));
    let count = if PAIRS.contains(&kind) { 2 } else { 1 };
    pair.into_iter().take(count).collect()
}

#[test]
fn extreme_losses_stay_finite_and_a_nan_stays_one() {
    let gpu = gpu();
    let around = Surroundings::default();
    for (kind, value) in SINGLE
        .into_iter()
        .chain(PAIRS)
        .flat_map(|kind| EXTREME.map(|value| (kind, value)))
    {
        let inputs = of_one_value(kind, value);
        let op = Loss { kind };
        let loss = run(&gpu, "extreme loss", &op, &inputs, false, &around).output[0];
        let expected = twin(kind, value.into(), 0.5);
        // The exponential is bounded at exp(-80) = 1.8e-35.
        let close = |got: f32, expected: f64| {
            (f64::from(got) - expected).abs() <= 1e-6 * expected.abs() + 2e-35
        };
        assert!(
            close(loss, expected) || loss.is_nan() && value.is_nan(),
            "{kind:?}({value}) is {loss}, expected {expected}"
        );
    }
}

#[test]
fn gradients_of_extreme_losses_stay_finite_and_a_nan_stays_one() {
    let gpu = gpu();
    let around = Surroundings::default();
    for (kind, value) in SINGLE
        .into_iter()
        .chain(PAIRS)
        .flat_map(|kind| EXTREME.map(|value| (kind, value)))
    {
        let mut inputs = of_one_value(kind, value);
        inputs.push(Tensor::new(Shape::scalar(), vec![1.0]));
        let op = LossBackward { kind };
        let grad = run(&gpu, "extreme gradient", &op, &inputs, false, &around).output[0];
        let constant = matches!(kind, LossKind::WganMean { .. });
        assert!(
            grad.is_finite() || grad.is_nan() && value.is_nan(),
            "{kind:?}'({value}) is {grad}"
        );
        assert!(
            constant || grad.is_nan() == value.is_nan(),
            "{kind:?}'({value}) is {grad}"
        );
    }
}

#[test]
fn a_small_bce_keeps_its_digits() {
    let gpu = gpu();
    for x in [15.0f32, 30.0, 60.0] {
        let kind = LossKind::BceWithLogits { target: 1.0 };
        let input = Tensor::new(Shape::scalar(), vec![x]);
        let expected = twin(kind, x.into(), 0.0);
        // exp is allowed 3 + 2 |x| ulp.
        let tolerance = Tolerance {
            absolute: 0.0,
            relative: f64::from(3.0 + 2.0 * x) * f64::from(f32::EPSILON),
        };
        check(
            &gpu,
            &format!("bce({x})"),
            &Loss { kind },
            std::slice::from_ref(&input),
            &[expected],
            tolerance,
        );
        let one = Tensor::new(Shape::scalar(), vec![1.0]);
        let gradient = -1.0 / (1.0 + f64::from(x).exp());
        check(
            &gpu,
            &format!("bce'({x})"),
            &LossBackward { kind },
            &[input, one],
            &[gradient],
            tolerance,
        );
    }
}

#[test]
fn gradients_of_a_pair_are_recorded_where_they_are_wanted() {
    for kind in PAIRS {
        let record = |wanted: &[usize]| {
            let mut tape = Tape::default();
            let pair = ["output", "target"].map(|name| tape.input(name, Shape::nhwc(1, 2, 2, 3)));
            let loss = tape.record(Loss { kind }, &pair).unwrap();
            let wrt: Vec<_> = wanted.iter().map(|&i| pair[i]).collect();
            tape.backward(loss, &wrt).unwrap();
            tape.nodes()
                .iter()
                .skip(4)
                .map(|node| node.name())
                .collect::<Vec<_>>()
        };
        let gradient = LossBackward { kind };
        let name = pix2pix::tape::Op::name(&gradient);
        assert_eq!(record(&[0]), [name]);
        assert_eq!(record(&[1]), [name, "scale"]);
        assert_eq!(record(&[0, 1]), [name, "scale"]);
    }
}
