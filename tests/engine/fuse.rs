//! Fusion: what its rules make of a tape and what they leave alone, and that it changes no result.

use crate::values::{bits, number};
use pix2pix::contraction::Geometry;
use pix2pix::gpu::{Gpu, Profile};
use pix2pix::nn::{Mode, Norm as NormKind};
use pix2pix::ops::activation::{Activation, activate};
use pix2pix::ops::adam::{Adam, update};
use pix2pix::ops::batch_norm::{Groups, batch_norm, batch_norm_running, update_running_statistics};
use pix2pix::ops::conv_transpose2d::conv_transpose2d;
use pix2pix::ops::conv2d::conv2d;
use pix2pix::ops::elementwise::scale;
use pix2pix::ops::loss::{Loss, LossKind};
use pix2pix::ops::monitor::watch;
use pix2pix::ops::{Concat, Detach};
use pix2pix::program::{ListingRow, Plan, Program, Store, fuse, rows};
use pix2pix::state::{Init, StateList};
use pix2pix::tape::{ArenaPart, StepState};
use pix2pix::tape::{Tape, Var};
use pix2pix::tensor::Shape;
use pix2pix::train::{Config, Recording};
use pix2pix_harness::batch_norm::{CLOSE, EPS};
use pix2pix_harness::config::{penalised, small_config};
use pix2pix_harness::{Tensor, Tolerance, compare, gpu};
use std::collections::HashMap;

const HALVE: Geometry = Geometry::new(4, 2, 1);
const RELU: Activation = Activation::LeakyRelu { slope: 0.0 };
const LEAKY: Activation = Activation::LeakyRelu { slope: 0.2 };

/// The names of the operations of a tape that are alive and no views.
fn names(tape: &Tape, outputs: &[Var]) -> Vec<&'static str> {
    let nodes = tape.nodes();
    let mut live = vec![false; nodes.len()];
    outputs
        .iter()
        .for_each(|&output| live[number(output)] = true);
    for index in (0..nodes.len()).rev() {
        if live[index] {
            nodes[index]
                .inputs
                .iter()
                .for_each(|&input| live[number(input)] = true);
        }
    }
    let named = nodes
        .iter()
        .zip(live)
        .filter(|(_, live)| *live)
        .map(|(node, _)| node.name());
    named
        .filter(|name| !["input", "state", "byproduct"].contains(name))
        .collect()
}

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
        let mut states = StateList::default();
        let arena = states.arena("net", false);
        let running = ["mean", "var"].map(|name| {
            states.add(
                arena,
                name.to_owned(),
                Shape::vector(8),
                Init::Constant(1.0),
            )
        });
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

/// The names of a fused tape's operations.
fn fused_names(tape: &Tape, outputs: &[Var]) -> Vec<&'static str> {
    names(&fuse(tape, &StateList::default(), outputs), outputs)
}

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
            .map(|&var| bits(&program.read(&gpu, var).unwrap()))
            .collect()
    };
    let apart = run(&[&between[..], &wanted].concat());
    assert!(apart.iter().flatten().any(|&bits| bits != 0));
    assert_eq!(run(&wanted), apart);
}

#[test]
fn an_activation_is_not_moved_across_an_update_of_what_it_reads() {
    for updated in [false, true] {
        let mut states = StateList::default();
        let arena = states.arena("net", false);
        let running = ["mean", "var"].map(|name| {
            states.add(
                arena,
                name.to_owned(),
                Shape::vector(8),
                Init::Constant(1.0),
            )
        });
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

/// An optimiser launches over the arena that a view of its states lies in, so it cannot make a
/// gradient of that view.
#[test]
fn a_gradient_of_a_view_of_a_state_is_not_made_by_the_optimiser() {
    for viewed in [false, true] {
        let mut states = StateList::default();
        let arena = states.arena("net", true);
        let mut add =
            |name: &str, shape| states.add(arena, name.to_owned(), shape, Init::Constant(1.0));
        let ids = [
            add("map", Shape::nhwc(1, 4, 4, 8)),
            add("weight", Shape::hwio(4, 4, 8, 4)),
        ];
        let mut tape = Tape::default();
        let [map, weight] = ids.map(|id| tape.state(&states, id));
        let input = tape.input("input", tape.shape(map));
        let large = tape
            .record(Detach, &[if viewed { map } else { input }])
            .unwrap();
        let output = conv2d(&mut tape, large, weight, None, HALVE).unwrap();
        let grad_output = tape.input("grad_output", tape.shape(output));
        let of_weight = tape.backward_from(output, grad_output, &[weight]).unwrap()[0];
        let of_map = scale(&mut tape, input, 2.0).unwrap();
        update(
            &mut tape,
            &states,
            Adam::new(arena, [0.5, 0.999], 1e-8),
            &[of_map, of_weight],
        )
        .unwrap();
        let plan = Plan::new(&tape, &states, &[], &Profile::portable()).unwrap();
        let expected = if viewed { vec![] } else { vec![ids[1]] };
        assert_eq!(plan.without_gradient(arena), Some(expected));
    }
}

/// What is computed, and what a step's work is said to be, does not depend on fusion; Adam is no
/// contraction because of it.
#[test]
fn fusion_does_not_change_the_work_of_a_step() {
    let Recording {
        states, tape, vars, ..
    } = Recording::new(&small_config(32, 4)).unwrap();
    let rows_of = |fusion| {
        rows(
            &Plan::new(
                &tape,
                &states,
                &[vars.fake],
                &Profile {
                    fusion,
                    ..Profile::portable()
                },
            )
            .unwrap(),
        )
    };
    let macs = |rows: &[ListingRow]| rows.iter().map(|row| row.macs).sum::<u64>();
    let (fused, apart) = (rows_of(true), rows_of(false));
    assert_eq!(macs(&fused), macs(&apart));
    assert!(apart.iter().all(|row| row.is_contraction == (row.macs > 0)));
    let counted: Vec<&ListingRow> = fused
        .iter()
        .filter(|row| !row.is_contraction && row.macs > 0)
        .collect();
    assert!(!counted.is_empty() && counted.iter().all(|row| row.kind == "adam"));
}

/// The generator's output after three steps, and all states with their moments and the gradients
/// that are kept.
fn train(gpu: &Gpu, config: &Config, fused: bool) -> Vec<(String, Vec<f32>)> {
    let Recording {
        states, tape, vars, ..
    } = Recording::new(config).unwrap();
    // The planner would fuse what comes unfused, unless all of it is asked for.
    let all = tape
        .nodes()
        .iter()
        .flat_map(|node| node.inputs.clone())
        .chain([vars.fake]);
    let outputs: Vec<Var> = if fused {
        vec![vars.fake]
    } else {
        all.collect()
    };
    let store = Store::new(gpu, states, true).unwrap();
    store.initialise(gpu, 1).unwrap();
    let program = Program::compile(gpu, &store, &tape, &outputs).unwrap();
    for (var, seed) in [(vars.input, 1), (vars.target, 2)] {
        program
            .write(gpu, var, &Tensor::random(tape.shape(var), seed).values)
            .unwrap();
    }
    for number in 1..=3 {
        program
            .run(gpu, &store, &StepState::new(5, number, 2e-4, [0.5, 0.999]))
            .unwrap();
    }
    let mut values = vec![(
        "the generator's output".to_owned(),
        program.read(gpu, vars.fake).unwrap(),
    )];
    for state in store.states().states() {
        let arena = store.states().get_arena(state.arena);
        let name = format!("{} {}", arena.name, state.name);
        for part in [ArenaPart::Value, ArenaPart::Moment1, ArenaPart::Moment2] {
            values.push((
                format!("{name} {part:?}"),
                store.read(gpu, state.id, part).unwrap(),
            ));
        }
        let gradient = program.gradient(gpu, store.states(), state.id).unwrap();
        assert!(
            gradient.is_some() || fused || !arena.trainable,
            "{name} has no gradient"
        );
        values.extend(gradient.map(|gradient| (format!("{name} gradient"), gradient)));
    }
    values
}

/// Kernels, statistics and masks are the same, so only what is added or rounded in another order
/// differs: some eps of each value's largest element a step, and Adam, whose step is as large for a
/// small gradient as for a large one, makes up to 1e-3 of that.
#[test]
fn a_fused_training_step_equals_one_operation_at_a_time() {
    let gpu = gpu();
    let base = small_config(32, 4);
    for config in [
        base.clone(),
        Config {
            batch_size: 2,
            ..base.clone()
        },
        Config {
            norm: NormKind::Instance,
            size: 64,
            load_size: 72,
            num_downs: 5,
            ..base.clone()
        },
        penalised(base.clone()),
        penalised(Config {
            norm: NormKind::None,
            ..base
        }),
    ] {
        let (fused, apart) = (train(&gpu, &config, true), train(&gpu, &config, false));
        // A bias in front of instance norm has no gradient but roundings, of which Adam makes whole
        // steps.
        let counts = |name: &str| config.norm != NormKind::Instance || !name.contains(".bias ");
        assert!(fused.len() < apart.len(), "some gradients are kept nowhere");
        let apart: HashMap<&String, &Vec<f32>> =
            apart.iter().map(|(name, values)| (name, values)).collect();
        for (name, fused) in fused.iter().filter(|(name, _)| counts(name)) {
            let apart = apart[name];
            let largest = apart.iter().fold(0.0f32, |a, b| a.max(b.abs()));
            let worst = fused
                .iter()
                .zip(apart)
                .fold(0.0f32, |worst, (a, b)| worst.max((a - b).abs()));
            assert!(
                worst <= 1e-3 * largest,
                "{:?} {:?}, {name}: off by {worst:e} of {largest:e}",
                config.norm,
                config.objective.gan_loss
            );
        }
    }
}

#[test]
fn a_fused_translation_equals_one_operation_at_a_time() {
    let gpu = gpu();
    let config = small_config(32, 4);
    let Recording {
        states, generator, ..
    } = Recording::new(&config).unwrap();
    let mut tape = Tape::default();
    let input = tape.input("input", Shape::nhwc(2, 32, 32, 3));
    let output = generator
        .forward(&mut tape, &states, input, &Mode::translation())
        .unwrap();
    let store = Store::new(&gpu, states, false).unwrap();
    store.initialise(&gpu, 1).unwrap();
    let run = |outputs: &[Var]| {
        let program = Program::compile(&gpu, &store, &tape, outputs).unwrap();
        program
            .write(&gpu, input, &Tensor::random(tape.shape(input), 1).values)
            .unwrap();
        program
            .run(&gpu, &store, &StepState::new(0, 0, 0.0, [0.0; 2]))
            .unwrap();
        program.read(&gpu, output).unwrap()
    };
    let all: Vec<Var> = tape
        .nodes()
        .iter()
        .flat_map(|node| node.inputs.clone())
        .chain([output])
        .collect();
    let apart: Vec<f64> = run(&all).into_iter().map(f64::from).collect();
    compare(
        "translation",
        &run(&[output]),
        &apart,
        Tolerance {
            absolute: 1e-5,
            ..CLOSE
        },
    );
}
