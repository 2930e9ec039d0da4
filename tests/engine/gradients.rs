//! What differentiation appends to the tape, and that gradients are gradients.

use pix2pix::contraction::Geometry;
use pix2pix::ops::Detach;
use pix2pix::ops::activation::{Activation, activate};
use pix2pix::ops::batch_norm::{Groups, batch_norm};
use pix2pix::ops::conv_transpose2d::conv_transpose2d;
use pix2pix::ops::conv2d::conv2d;
use pix2pix::ops::elementwise::{add, multiply, scale};
use pix2pix::ops::loss::{Loss, LossKind};
use pix2pix::program::{Program, Store};
use pix2pix::state::StateList;
use pix2pix::tape::StepState;
use pix2pix::tape::{Tape, TapeError, Var};
use pix2pix::tensor::Shape;
use pix2pix_harness::{Tensor, gpu};
use pollster::block_on;

const IMAGE: Shape = Shape::nhwc(1, 4, 4, 3);
const HALVE: Geometry = Geometry::new(4, 2, 1);
const LEAKY: Activation = Activation::LeakyRelu { slope: 0.2 };

/// Names of the nodes from number `from` on.
fn names(tape: &Tape, from: usize) -> Vec<&'static str> {
    tape.nodes()[from..]
        .iter()
        .map(|node| node.name())
        .collect()
}

/// Values of `outputs` after one run with these inputs.
fn evaluate(tape: &Tape, inputs: &[(Var, &[f32])], outputs: &[Var]) -> Vec<Vec<f32>> {
    let gpu = gpu();
    let store = Store::new(&gpu, StateList::default(), false).unwrap();
    let program = Program::compile(&gpu, &store, tape, outputs).unwrap();
    for (var, values) in inputs {
        program.write(&gpu, *var, values).unwrap();
    }
    program
        .run(&gpu, &store, &StepState::new(1, 1, 0.0, [0.5, 0.999]))
        .unwrap();
    outputs
        .iter()
        .map(|&output| block_on(program.read(&gpu, output)).unwrap())
        .collect()
}

fn dot(left: &[f32], right: &[f32]) -> f64 {
    left.iter()
        .zip(right)
        .map(|(&a, &b)| f64::from(a) * f64::from(b))
        .sum()
}

#[test]
fn a_value_used_three_times_sums_its_gradients_from_the_last_use_to_the_first() {
    let mut tape = Tape::default();
    let x = tape.input("x", IMAGE);
    let uses = [3.0, 5.0, 7.0].map(|factor| scale(&mut tape, x, factor).unwrap());
    let first = add(&mut tape, uses[0], uses[1]).unwrap();
    let output = add(&mut tape, first, uses[2]).unwrap();
    let grad_output = tape.input("grad_output", IMAGE);
    let from = tape.nodes().len();
    let gradient = tape.backward_from(output, grad_output, &[x]).unwrap()[0];
    assert_eq!(
        names(&tape, from),
        ["scale", "scale", "add", "scale", "add"]
    );
    let sum = &tape.nodes()[tape.nodes().len() - 1];
    let order: Vec<String> = sum
        .inputs
        .iter()
        .map(|input| format!("{input:?}"))
        .collect();
    assert_eq!(
        order,
        [format!("Var({})", from + 2), format!("Var({})", from + 3)],
        "the first use is added last"
    );
    let ones = vec![1.0; IMAGE.len()];
    assert_eq!(
        evaluate(&tape, &[(grad_output, &ones)], &[gradient])[0],
        vec![15.0; IMAGE.len()]
    );
}

#[test]
fn both_sides_of_one_operation_may_be_the_same_value() {
    let mut tape = Tape::default();
    let x = tape.input("x", IMAGE);
    let square = multiply(&mut tape, x, x, 1.0).unwrap();
    let grad_output = tape.input("grad_output", IMAGE);
    let gradient = tape.backward_from(square, grad_output, &[x]).unwrap()[0];
    let values = Tensor::random(IMAGE, 3).values;
    let ones = vec![1.0; IMAGE.len()];
    let expected: Vec<f32> = values.iter().map(|v| 2.0 * v).collect();
    assert_eq!(
        evaluate(&tape, &[(x, &values), (grad_output, &ones)], &[gradient])[0],
        expected
    );
}

#[test]
fn only_what_was_asked_for_is_differentiated() {
    let mut tape = Tape::default();
    let input = tape.input("input", Shape::nhwc(1, 8, 8, 3));
    let weight = tape.input("weight", Shape::hwio(4, 4, 3, 4));
    let bias = tape.input("bias", Shape::vector(4));
    let output = conv2d(&mut tape, input, weight, Some(bias), HALVE).unwrap();
    let grad_output = tape.input("grad_output", tape.shape(output));
    for (wrt, expected) in [
        (weight, "conv2d_grad_weight"),
        (bias, "channel_sum"),
        (input, "conv2d_grad_input"),
    ] {
        let from = tape.nodes().len();
        let gradient = tape.backward_from(output, grad_output, &[wrt]).unwrap()[0];
        assert_eq!(names(&tape, from), [expected]);
        assert_eq!(tape.shape(gradient), tape.shape(wrt));
    }
}

#[test]
fn gradients_carry_the_scope_of_what_they_differentiate() {
    let mut tape = Tape::default();
    let x = tape.input("x", IMAGE);
    tape.set_scope("layer1");
    let y = activate(&mut tape, x, LEAKY).unwrap();
    tape.set_scope("after");
    let loss = tape
        .record(
            Loss {
                kind: LossKind::Mse { target: 0.0 },
            },
            &[y],
        )
        .unwrap();
    let gradient = tape.backward(loss, &[x]).unwrap()[0];
    let last = tape.nodes().last().unwrap();
    assert_eq!(
        (last.name(), &*last.scope),
        ("leaky_relu_backward", "layer1")
    );
    let next = scale(&mut tape, gradient, 2.0).unwrap();
    assert_ne!(next, gradient);
    assert_eq!(
        &*tape.nodes().last().unwrap().scope,
        "after",
        "the caller's scope comes back"
    );
}

#[test]
fn a_detached_value_passes_no_gradient() {
    let mut tape = Tape::default();
    let x = tape.input("x", IMAGE);
    let detached = tape.record(Detach, &[x]).unwrap();
    let blocked = tape
        .record(
            Loss {
                kind: LossKind::Mse { target: 0.0 },
            },
            &[detached],
        )
        .unwrap();
    assert!(matches!(
        tape.backward(blocked, &[x]),
        Err(TapeError::Unconnected { .. })
    ));
    // x * detach(x): the gradient is that of the first factor alone.
    let product = multiply(&mut tape, x, detached, 1.0).unwrap();
    let grad_output = tape.input("grad_output", IMAGE);
    let gradient = tape.backward_from(product, grad_output, &[x]).unwrap()[0];
    let values = Tensor::random(IMAGE, 5).values;
    let ones = vec![1.0; IMAGE.len()];
    assert_eq!(
        evaluate(&tape, &[(x, &values), (grad_output, &ones)], &[gradient])[0],
        values
    );
    assert!(
        tape.backward_from(product, grad_output, &[detached])
            .is_ok(),
        "the detached value itself can be asked for"
    );
}

/// Of `phi(w) = sum(v * d(sum(u * conv(x, w)^2)) / dx)`: quadratic in the weight, so that a central
/// difference of any width is exact.
#[test]
fn the_gradient_of_a_gradient_through_conv2d_meets_a_finite_difference() {
    let mut tape = Tape::default();
    let shapes = [Shape::nhwc(1, 6, 6, 2), Shape::hwio(4, 4, 2, 3)];
    let [x, w] = [tape.input("x", shapes[0]), tape.input("w", shapes[1])];
    let y = conv2d(&mut tape, x, w, None, HALVE).unwrap();
    let square = multiply(&mut tape, y, y, 1.0).unwrap();
    let u = tape.input("u", tape.shape(y));
    let v = tape.input("v", shapes[0]);
    let first = tape.backward_from(square, u, &[x]).unwrap()[0];
    let second = tape.backward_from(first, v, &[w, u]).unwrap();
    let values = [(x, 1), (u, 2), (v, 3)]
        .map(|(var, seed)| (var, Tensor::random(tape.shape(var), seed).values));
    let weights = Tensor::random(shapes[1], 4).values;
    let run = |weights: &[f32], outputs: &[Var]| {
        let mut inputs: Vec<(Var, &[f32])> = values
            .iter()
            .map(|(var, values)| (*var, &values[..]))
            .collect();
        inputs.push((w, weights));
        evaluate(&tape, &inputs, outputs)
    };
    let analytic = &run(&weights, &second)[0];
    let width = 0.5;
    for i in (0..weights.len()).step_by(5) {
        let phi = |shift: f32| {
            let mut shifted = weights.clone();
            shifted[i] += shift;
            dot(&run(&shifted, &[first, second[0]])[0], &values[2].1)
        };
        let numeric = (phi(width) - phi(-width)) / f64::from(2.0 * width);
        // Some hundred products of order one in f32.
        assert!(
            (numeric - f64::from(analytic[i])).abs() < 2e-5 * (1.0 + numeric.abs()),
            "weight {i}: {numeric} and {}",
            analytic[i]
        );
    }
}

/// A whole small network in f64, loops only: k4 s2 p1 convolution with bias, batch norm, LeakyReLU,
/// transposed convolution, tanh, and the mean squared error. Images `[8, 8, 2]` and `[4, 4, 3]`.
fn twin(parameters: &[Vec<f64>], target: &[f64]) -> f64 {
    let [input, weight, bias, gamma, beta, up] = parameters else {
        unreachable!()
    };
    let mut hidden = vec![0.0; 4 * 4 * 3];
    let taps = || {
        (0..4usize).flat_map(|y| {
            (0..4usize).flat_map(move |x| (0..16usize).map(move |tap| (y, x, tap / 4, tap % 4)))
        })
    };
    // The pixel of the large map under a tap, if there is one.
    let under = |small: usize, tap: usize| (2 * small + tap).checked_sub(1).filter(|&at| at < 8);
    for (y, x, i, j) in taps() {
        let (Some(row), Some(column)) = (under(y, i), under(x, j)) else {
            continue;
        };
        for (c, o) in (0..2).flat_map(|c| (0..3).map(move |o| (c, o))) {
            hidden[(y * 4 + x) * 3 + o] +=
                input[(row * 8 + column) * 2 + c] * weight[((i * 4 + j) * 2 + c) * 3 + o];
        }
    }
    for o in 0..3 {
        let channel: Vec<f64> = hidden
            .iter()
            .skip(o)
            .step_by(3)
            .map(|v| v + bias[o])
            .collect();
        let mean = channel.iter().sum::<f64>() / 16.0;
        let variance = channel.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 16.0;
        for (pixel, v) in channel.iter().enumerate() {
            let value = gamma[o] * (v - mean) / (variance + 1e-5).sqrt() + beta[o];
            hidden[pixel * 3 + o] = if value > 0.0 { value } else { 0.2 * value };
        }
    }
    let mut output = vec![0.0; 8 * 8 * 2];
    for (y, x, i, j) in taps() {
        let (Some(row), Some(column)) = (under(y, i), under(x, j)) else {
            continue;
        };
        for (c, o) in (0..3).flat_map(|c| (0..2).map(move |o| (c, o))) {
            output[(row * 8 + column) * 2 + o] +=
                hidden[(y * 4 + x) * 3 + c] * up[((i * 4 + j) * 3 + c) * 2 + o];
        }
    }
    output
        .iter()
        .zip(target)
        .map(|(v, t)| (v.tanh() - t).powi(2))
        .sum::<f64>()
        / 128.0
}

/// The network of [`twin`], up to its loss.
fn record_network(
    tape: &mut Tape,
    [input, weight, bias, gamma, beta, up]: [Var; 6],
    target: Var,
) -> Var {
    let hidden = conv2d(tape, input, weight, Some(bias), HALVE).unwrap();
    let hidden = batch_norm(tape, hidden, [gamma, beta], Groups::Batch, 1e-5)
        .unwrap()
        .0;
    let hidden = activate(tape, hidden, LEAKY).unwrap();
    let output = conv_transpose2d(tape, hidden, up, None, HALVE).unwrap();
    let output = activate(tape, output, Activation::Tanh).unwrap();
    let loss = Loss {
        kind: LossKind::MsePair,
    };
    tape.record(loss, &[output, target]).unwrap()
}

#[test]
fn a_whole_small_network_meets_finite_differences_of_its_twin() {
    let image = Shape::nhwc(1, 8, 8, 2);
    let vector = Shape::vector(3);
    let shapes = [
        image,
        Shape::hwio(4, 4, 2, 3),
        vector,
        vector,
        vector,
        Shape::hwio(4, 4, 3, 2),
    ];
    let mut tape = Tape::default();
    let parameters = shapes.map(|shape| tape.input("parameter", shape));
    let target = tape.input("target", image);
    let loss = record_network(&mut tape, parameters, target);
    let gradients = tape.backward(loss, &parameters).unwrap();

    let tensors: Vec<Tensor> = shapes
        .iter()
        .zip(1..)
        .map(|(&shape, seed)| Tensor::random(shape, seed))
        .collect();
    let goal = Tensor::random(image, 9);
    let mut inputs: Vec<(Var, &[f32])> = parameters
        .iter()
        .zip(&tensors)
        .map(|(&var, tensor)| (var, &tensor.values[..]))
        .collect();
    inputs.push((target, &goal.values));
    let got = evaluate(&tape, &inputs, &[&[loss][..], &gradients].concat());

    let values: Vec<Vec<f64>> = tensors.iter().map(Tensor::f64).collect();
    let goal = goal.f64();
    let expected = twin(&values, &goal);
    assert!(
        (f64::from(got[0][0]) - expected).abs() < 1e-6 * expected,
        "loss {} and {expected}",
        got[0][0]
    );
    let width = 1e-6;
    for (number, gradient) in got[1..].iter().enumerate() {
        // The bias before a normalisation changes nothing: its gradient is zero up to rounding.
        for (i, &analytic) in gradient.iter().enumerate() {
            let at = |shift: f64| {
                let mut shifted = values.clone();
                shifted[number][i] += shift;
                twin(&shifted, &goal)
            };
            let numeric = (at(width) - at(-width)) / (2.0 * width);
            let error = (f64::from(analytic) - numeric).abs();
            assert!(
                error < 1e-6 + 1e-4 * numeric.abs(),
                "parameter {number}[{i}]: {analytic} and {numeric}"
            );
        }
    }
}
