//! Fusion of whole steps and networks: the work is the same, and so are the results.

use super::HALVE;
use pix2pix::gpu::{Gpu, Profile};
use pix2pix::nn::{Mode, Norm as NormKind};
use pix2pix::ops::Detach;
use pix2pix::ops::adam::{Adam, update};
use pix2pix::ops::conv2d::conv2d;
use pix2pix::ops::elementwise::scale;
use pix2pix::program::{ListingRow, Plan, Program, Store, rows};
use pix2pix::state::{Init, StateList};
use pix2pix::tape::{ArenaPart, StepState};
use pix2pix::tape::{Tape, Var};
use pix2pix::tensor::Shape;
use pix2pix::train::{Config, Recording};
use pix2pix_harness::batch_norm::CLOSE;
use pix2pix_harness::config::{penalised, small_config};
use pix2pix_harness::{Tensor, Tolerance, compare, gpu};
use pollster::block_on;
use std::collections::HashMap;

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
    block_on(store.initialise(gpu, 1)).unwrap();
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
        block_on(program.read(gpu, vars.fake)).unwrap(),
    )];
    for state in store.states().states() {
        let arena = store.states().get_arena(state.arena);
        let name = format!("{} {}", arena.name, state.name);
        for part in [ArenaPart::Value, ArenaPart::Moment1, ArenaPart::Moment2] {
            values.push((
                format!("{name} {part:?}"),
                block_on(store.read(gpu, state.id, part)).unwrap(),
            ));
        }
        let gradient = block_on(program.gradient(gpu, store.states(), state.id)).unwrap();
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
    block_on(store.initialise(&gpu, 1)).unwrap();
    let run = |outputs: &[Var]| {
        let program = Program::compile(&gpu, &store, &tape, outputs).unwrap();
        program
            .write(&gpu, input, &Tensor::random(tape.shape(input), 1).values)
            .unwrap();
        program
            .run(&gpu, &store, &StepState::new(0, 0, 0.0, [0.0; 2]))
            .unwrap();
        block_on(program.read(&gpu, output)).unwrap()
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
