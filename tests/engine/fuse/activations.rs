//! Contractions that read through activations.

use super::{HALVE, RELU, fused_names, names, running_statistics};
use crate::values::bits;
use pix2pix::contraction::Geometry;
use pix2pix::ops::Concat;
use pix2pix::ops::activation::{Activation, activate};
use pix2pix::ops::batch_norm::{Groups, batch_norm, update_running_statistics};
use pix2pix::ops::conv_transpose2d::conv_transpose2d;
use pix2pix::ops::conv2d::conv2d;
use pix2pix::ops::elementwise::scale;
use pix2pix::program::{Program, Store, fuse};
use pix2pix::state::StateList;
use pix2pix::tape::StepState;
use pix2pix::tape::{Tape, Var};
use pix2pix::tensor::Shape;
use pix2pix_harness::batch_norm::EPS;
use pix2pix_harness::{Tensor, gpu};
use pollster::block_on;

const LEAKY: Activation = Activation::LeakyRelu { slope: 0.2 };

#[test]
fn contractions_read_through_activations() {
    let mut tape = Tape::default();
    let input = tape.input("input", Shape::nhwc(1, 8, 8, 8));
    let weight = tape.input("weight", Shape::hwio(4, 4, 8, 4));
    let activated = activate(&mut tape, input, LEAKY).unwrap();
    let output = conv2d(&mut tape, activated, weight, None, HALVE).unwrap();
    let grad_output = tape.input("grad_output", tape.shape(output));
    let gradients = tape
        .backward_from(output, grad_output, &[input, weight])
        .unwrap();
    let outputs = [&[output], &gradients[..]].concat();
    let expected = [
        "activation+conv2d",
        "activation+conv2d_grad_weight",
        "conv2d_grad_input",
        "leaky_relu_backward",
    ];
    let mut found = fused_names(&tape, &outputs);
    found.sort();
    assert_eq!(found, expected);

    // What the caller wants to read, or something else reads, is made.
    assert_eq!(
        fused_names(&tape, &[activated, output]),
        ["leaky_relu", "conv2d"]
    );
    let other = scale(&mut tape, activated, 2.0).unwrap();
    assert_eq!(
        fused_names(&tape, &[output, other]),
        ["leaky_relu", "conv2d", "scale"]
    );
    // Only a map is read so, no weight, and no other activation.
    let image = tape.input("image", Shape::nhwc(1, 8, 8, 8));
    let of_weight = activate(&mut tape, weight, RELU).unwrap();
    let output = conv2d(&mut tape, image, of_weight, None, HALVE).unwrap();
    assert_eq!(fused_names(&tape, &[output]), ["relu", "conv2d"]);
    let tanh = activate(&mut tape, input, Activation::Tanh).unwrap();
    let output = conv2d(&mut tape, tanh, weight, None, HALVE).unwrap();
    assert_eq!(fused_names(&tape, &[output]), ["tanh", "conv2d"]);
    // The launch that normalises activates once what contractions read many times.
    let affine = ["weight", "bias"].map(|name| tape.input(name, Shape::vector(8)));
    let (normalized, _) = batch_norm(&mut tape, input, affine, Groups::Batch, EPS).unwrap();
    let activated = activate(&mut tape, normalized, RELU).unwrap();
    let output = conv2d(&mut tape, activated, weight, None, HALVE).unwrap();
    assert_eq!(fused_names(&tape, &[output]), ["norm+relu", "conv2d"]);
}

/// An activated skip connection, and the way out of it; the values on the way, and the last one.
fn skip() -> (Tape, Var, Vec<Var>, Vec<Var>) {
    let mut tape = Tape::default();
    let [input, down, up] = [
        ("input", Shape::nhwc(1, 8, 8, 8)),
        ("down", Shape::hwio(4, 4, 8, 12)),
        ("up", Shape::hwio(4, 4, 12, 8)),
    ]
    .map(|(name, shape)| tape.input(name, shape));
    let out = tape.input("out", Shape::hwio(4, 4, 16, 4));
    let scaled = scale(&mut tape, input, 1.5).unwrap();
    let activated = activate(&mut tape, scaled, LEAKY).unwrap();
    let inner = conv2d(&mut tape, activated, down, None, HALVE).unwrap();
    let inner_activated = activate(&mut tape, inner, RELU).unwrap();
    let value = conv_transpose2d(&mut tape, inner_activated, up, None, HALVE).unwrap();
    let joined = tape.record(Concat, &[activated, value]).unwrap();
    let rectified = activate(&mut tape, joined, RELU).unwrap();
    let output = conv_transpose2d(&mut tape, rectified, out, None, HALVE).unwrap();
    (
        tape,
        output,
        vec![activated, joined, rectified],
        vec![input, down, up, out],
    )
}

#[test]
fn a_rectified_skip_holds_what_was_not_activated() {
    let (mut tape, output, [activated, joined, rectified], _) = {
        let (tape, output, between, inputs) = skip();
        (tape, output, [between[0], between[1], between[2]], inputs)
    };
    let fused = [
        "scale",
        "activation+conv2d",
        "activation+conv_transpose2d",
        "concat",
        "activation+conv_transpose2d",
    ];
    assert_eq!(fused_names(&tape, &[output]), fused);
    let apart = [
        "scale",
        "leaky_relu",
        "conv2d",
        "activation+conv_transpose2d",
        "concat",
        "activation+conv_transpose2d",
    ];
    assert_eq!(fused_names(&tape, &[output, joined]), apart);
    let apart = [
        "scale",
        "leaky_relu",
        "conv2d",
        "activation+conv_transpose2d",
        "concat",
        "relu",
        "conv_transpose2d",
    ];
    assert_eq!(fused_names(&tape, &[output, activated, rectified]), apart);
    // The negative part is asked for.
    let leaky = activate(&mut tape, joined, LEAKY).unwrap();
    assert!(fused_names(&tape, &[output, leaky]).contains(&"leaky_relu"));
}

/// All sums keep their order, so all bits stay.
#[test]
fn reading_through_activations_changes_no_bit() {
    let gpu = gpu();
    let (mut tape, output, between, inputs) = skip();
    let grad_output = tape.input("grad_output", tape.shape(output));
    let gradients = tape.backward_from(output, grad_output, &inputs).unwrap();
    let wanted = [&[output], &gradients[..]].concat();
    let run = |outputs: &[Var]| -> Vec<Vec<u32>> {
        let store = Store::new(&gpu, StateList::default(), false).unwrap();
        let program = Program::compile(&gpu, &store, &tape, outputs).unwrap();
        for (seed, &var) in inputs.iter().chain([&grad_output]).enumerate() {
            program
                .write(
                    &gpu,
                    var,
                    &Tensor::random(tape.shape(var), seed as u32).values,
                )
                .unwrap();
        }
        program
            .run(&gpu, &store, &StepState::new(0, 0, 0.0, [0.0; 2]))
            .unwrap();
        wanted
            .iter()
            .map(|&var| bits(&block_on(program.read(&gpu, var)).unwrap()))
            .collect()
    };
    let apart = run(&[&between[..], &wanted].concat());
    assert!(apart.iter().flatten().any(|&bits| bits != 0));
    assert_eq!(run(&wanted), apart);
}

#[test]
fn an_activation_is_not_moved_across_an_update_of_what_it_reads() {
    for updated in [false, true] {
        let (states, running) = running_statistics();
        let mut tape = Tape::default();
        let weight = tape.input("weight", Shape::hwio(1, 1, 8, 4));
        let stats = tape.input("stats", Shape::nhwc(1, 1, 2, 8));
        let running = running.map(|id| tape.state(&states, id));
        let activated = activate(&mut tape, running[0], RELU).unwrap();
        if updated {
            update_running_statistics(&mut tape, stats, running, 16, 0.1, EPS).unwrap();
        }
        let output = conv2d(&mut tape, activated, weight, None, Geometry::new(1, 1, 0)).unwrap();
        let expected = if updated {
            vec!["relu", "conv2d"]
        } else {
            vec!["activation+conv2d"]
        };
        assert_eq!(names(&fuse(&tape, &states, &[output]), &[output]), expected);
    }
}
