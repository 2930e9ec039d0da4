//! Fusion around normalisations and losses.

use super::{names, running_statistics};
use pix2pix::ops::activation::{Activation, activate};
use pix2pix::ops::batch_norm::{Groups, batch_norm, batch_norm_running, update_running_statistics};
use pix2pix::ops::elementwise::scale;
use pix2pix::ops::loss::{Loss, LossKind};
use pix2pix::ops::monitor::watch;
use pix2pix::program::fuse;
use pix2pix::state::{Init, StateList};
use pix2pix::tape::{Tape, Var};
use pix2pix::tensor::Shape;
use pix2pix_harness::batch_norm::EPS;

/// A normalised and activated map with the gradients of everything in it.
fn layer() -> (Tape, [Var; 2], Vec<Var>) {
    let mut tape = Tape::default();
    let input = tape.input("input", Shape::nhwc(1, 4, 4, 8));
    let affine = ["weight", "bias"].map(|name| tape.input(name, Shape::vector(8)));
    let (normalized, _) = batch_norm(&mut tape, input, affine, Groups::Batch, EPS).unwrap();
    let output = activate(&mut tape, normalized, Activation::LeakyRelu { slope: 0.2 }).unwrap();
    let grad_output = tape.input("grad_output", tape.shape(output));
    let gradients = tape
        .backward_from(output, grad_output, &[input, affine[0], affine[1]])
        .unwrap();
    (tape, [normalized, output], gradients)
}

#[test]
fn a_layer_and_its_gradients_become_one_operation_each() {
    let (tape, [normalized, output], gradients) = layer();
    let outputs = [&[output], &gradients[..]].concat();
    assert_eq!(
        names(&fuse(&tape, &StateList::default(), &outputs), &outputs),
        ["norm+leaky_relu", "leaky_relu_backward+norm_backward"]
    );
    assert_eq!(
        names(
            &fuse(&tape, &StateList::default(), &outputs[..2]),
            &outputs[..2]
        ),
        ["norm+leaky_relu", "leaky_relu_backward+norm_backward"]
    );

    // What the caller wants to read is not fused away.
    let asked = [&[normalized], &outputs[..]].concat();
    assert_eq!(
        names(&fuse(&tape, &StateList::default(), &asked), &asked),
        ["norm", "leaky_relu", "leaky_relu_backward+norm_backward"]
    );
    // One of the two gradients of weight and bias alone keeps the sums as a value.
    let asked = &outputs[..3];
    let expected = [
        "norm+leaky_relu",
        "activation_backward+norm_grad_sums",
        "activation_backward+normalize_backward",
        "norm_grad_weight",
    ];
    assert_eq!(
        names(&fuse(&tape, &StateList::default(), asked), asked),
        expected
    );
}

#[test]
fn a_normalisation_is_not_moved_across_an_update_of_what_it_reads() {
    let mut states = StateList::default();
    let arena = states.arena("net", false);
    let mut add = |name: &str| {
        states.add(
            arena,
            name.to_owned(),
            Shape::vector(8),
            Init::Constant(1.0),
        )
    };
    let [mean, var] = ["mean", "var"].map(&mut add);
    let mut tape = Tape::default();
    let input = tape.input("input", Shape::nhwc(1, 4, 4, 8));
    let running = [mean, var].map(|id| tape.state(&states, id));
    let bias = tape.input("bias", Shape::vector(8));
    // A running mean as weight: a reader of a state that the update behind it overwrites.
    let (normalized, stats) =
        batch_norm(&mut tape, input, [running[0], bias], Groups::Batch, EPS).unwrap();
    update_running_statistics(&mut tape, stats, running, 16, 0.1, EPS).unwrap();
    let output = activate(&mut tape, normalized, Activation::LeakyRelu { slope: 0.0 }).unwrap();
    assert_eq!(
        names(&fuse(&tape, &states, &[output]), &[output]),
        ["norm", "relu"]
    );

    let running = [mean, var].map(|id| tape.state(&states, id));
    let evaluated = batch_norm_running(&mut tape, input, [bias, bias], running, EPS).unwrap();
    let output = activate(&mut tape, evaluated, Activation::LeakyRelu { slope: 0.0 }).unwrap();
    assert_eq!(
        names(&fuse(&tape, &states, &[output]), &[output]),
        ["running_to_stats", "normalize+relu"]
    );
    let tanh = activate(&mut tape, evaluated, Activation::Tanh).unwrap();
    assert_eq!(
        names(&fuse(&tape, &states, &[tanh]), &[tanh]),
        ["running_to_stats", "normalize", "tanh"]
    );
}

#[test]
fn a_weighted_loss_and_its_gradient_become_one_operation() {
    let mut tape = Tape::default();
    let [output, target] =
        ["output", "target"].map(|name| tape.input(name, Shape::nhwc(1, 4, 4, 3)));
    let loss = tape
        .record(Loss { kind: LossKind::L1 }, &[output, target])
        .unwrap();
    let weighted = scale(&mut tape, loss, 100.0).unwrap();
    let gradient = tape.backward(weighted, &[output]).unwrap()[0];
    assert_eq!(
        names(
            &fuse(&tape, &StateList::default(), &[loss, gradient]),
            &[loss, gradient]
        ),
        ["l1+backward"]
    );
    // Another loss of the same values has nothing to do with it.
    let other = tape
        .record(
            Loss {
                kind: LossKind::MsePair,
            },
            &[output, target],
        )
        .unwrap();
    assert_eq!(
        names(
            &fuse(&tape, &StateList::default(), &[other, gradient]),
            &[other, gradient]
        ),
        ["fill", "l1_backward", "mse"]
    );
}

#[test]
fn an_update_of_running_statistics_is_not_moved_across_effects_or_readers() {
    for (watched, read, expected) in [
        (false, false, vec!["norm+running"]),
        (true, false, vec!["norm"]),
        (false, true, vec!["norm", "scale"]),
    ] {
        let (states, running) = running_statistics();
        let mut tape = Tape::default();
        let input = tape.input("input", Shape::nhwc(1, 4, 4, 8));
        let affine = ["weight", "bias"].map(|name| tape.input(name, Shape::vector(8)));
        let loss = tape.input("loss", Shape::scalar());
        let running = running.map(|id| tape.state(&states, id));
        let (normalized, stats) = batch_norm(&mut tape, input, affine, Groups::Batch, EPS).unwrap();
        let mut outputs = vec![normalized];
        if watched {
            watch(&mut tape, 0, &[loss]).unwrap();
        }
        if read {
            outputs.push(scale(&mut tape, running[0], 2.0).unwrap());
        }
        update_running_statistics(&mut tape, stats, running, 16, 0.1, EPS).unwrap();
        assert_eq!(
            names(&fuse(&tape, &states, &outputs), &outputs),
            expected,
            "watched {watched}, read {read}"
        );
    }
}
