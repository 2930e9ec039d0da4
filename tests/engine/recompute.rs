//! Values made again for the backward pass: less memory, the same bits, and nothing with an effect
//! is done twice.

use crate::memory_plan::Simulation;
use crate::values::{bits, number};
use pix2pix::data::Batch;
use pix2pix::gpu::{DeviceClass, Gpu, Profile};
use pix2pix::nn::Norm;
use pix2pix::ops::activation::{Activation, activate};
use pix2pix::ops::batch_norm::{batch_norm_running, update_running_statistics};
use pix2pix::ops::elementwise::{add, scale};
use pix2pix::program::{Plan, Program, Store, recompute, rows};
use pix2pix::state::{Init, StateList};
use pix2pix::tape::{ArenaPart, StepState};
use pix2pix::tape::{Tape, Var};
use pix2pix::tensor::Shape;
use pix2pix::train::{Config, Recording, Session};
use pix2pix_harness::config::{penalised, small_config, two_scales};
use pix2pix_harness::{Tensor, gpu};
use pollster::block_on;

/// The same configuration without and with repeated values.
fn both(config: &Config) -> [Config; 2] {
    [false, true].map(|recompute| Config {
        recompute,
        ..config.clone()
    })
}

/// Everything that two steps leave: every part of every state, losses and flag, the generator's
/// output.
fn after_steps(gpu: &Gpu, config: &Config) -> Vec<Vec<u32>> {
    let mut session = Session::new(gpu, config).unwrap();
    block_on(session.store.initialise(gpu, 3)).unwrap();
    let count = config.batch_size * (config.size as usize).pow(2) * 3;
    let wave = |phase: f32| {
        (0..count)
            .map(|i| (i as f32 * 0.37 + phase).sin())
            .collect()
    };
    let batch = Batch {
        sides: (config.size, config.size),
        input: wave(0.0),
        target: wave(1.0),
    };
    for step in 1..=3 {
        session
            .submit(gpu, step, config.learning_rate, &batch)
            .unwrap();
    }
    let store = &session.store;
    let parts = [ArenaPart::Value, ArenaPart::Moment1, ArenaPart::Moment2];
    let states = parts.iter().flat_map(|&part| {
        store
            .states()
            .states()
            .iter()
            .map(move |state| (state.id, part))
    });
    let mut left: Vec<Vec<u32>> = states
        .map(|(id, part)| bits(&block_on(store.read(gpu, id, part)).unwrap()))
        .collect();
    let gradient = |id| block_on(session.program().gradient(gpu, store.states(), id)).unwrap();
    left.extend(
        store
            .states()
            .states()
            .iter()
            .filter_map(|state| gradient(state.id))
            .map(|values| bits(&values)),
    );
    left.push(bytemuck::pod_collect_to_vec(
        &block_on(gpu.read(store.monitor(), 0, store.monitor().size())).unwrap(),
    ));
    left.push(bits(
        &block_on(session.program().read(gpu, session.vars().fake)).unwrap(),
    ));
    left
}

#[test]
#[ignore = "second tier: steps of several networks, twice"]
fn three_steps_leave_the_same_bits() {
    let gpu = gpu();
    // 64 pixels have six downs, so that there is dropout to repeat.
    let cases = [
        (64, 1, Norm::Batch),
        (64, 2, Norm::Instance),
        (32, 2, Norm::None),
    ]
    .map(|(size, batch_size, norm)| {
        let num_downs = 5 + usize::from(size > 32 && norm == Norm::Batch);
        Config {
            batch_size,
            norm,
            num_downs,
            ..small_config(size, 8)
        }
    });
    let scaled = two_scales(cases[0].clone());
    let cases = cases.clone().into_iter().chain(cases.map(penalised));
    for config in cases.chain([scaled]) {
        let Config {
            size,
            batch_size,
            norm,
            ..
        } = config;
        let [plain, saving] = both(&config).map(|config| {
            (
                after_steps(&gpu, &config),
                Recording::new(&config).unwrap().tape.nodes().len(),
            )
        });
        assert!(
            saving.1 >= plain.1 + 5,
            "{norm:?}: {} nodes became {}",
            plain.1,
            saving.1
        );
        assert!(
            plain
                .0
                .iter()
                .flatten()
                .any(|&bits| f32::from_bits(bits) != 0.0)
        );
        assert!(
            plain.0 == saving.0,
            "{size} pixels, batch {batch_size}, {norm:?}"
        );
    }
}

#[test]
fn no_value_is_overwritten_while_it_lives_and_effects_happen_once() {
    let profiles = [
        Profile::portable(),
        Profile {
            class: DeviceClass::Cpu,
            subgroup: Some(8),
            ..Profile::portable()
        },
    ];
    for (size, ngf, batch_size, norm) in [
        (32, 3, 2, Norm::None),
        (64, 16, 1, Norm::Batch),
        (256, 64, 1, Norm::Batch),
    ] {
        let config = Config {
            batch_size,
            norm,
            ..small_config(size, ngf)
        };
        let config = match ngf {
            3 => penalised(config),
            16 => two_scales(config),
            _ => config,
        };
        let effects = both(&config).map(|config| {
            let Recording {
                states, tape, vars, ..
            } = Recording::new(&config).unwrap();
            for profile in &profiles {
                let plan = Plan::new(&tape, &states, &[vars.fake], profile).unwrap();
                Simulation::new(&plan).run(&states, profile, &[vars.fake]);
            }
            let unfused = Profile {
                fusion: false,
                ..Profile::portable()
            };
            let plan = Plan::new(&tape, &states, &[vars.fake], &unfused).unwrap();
            let ops = rows(&plan).into_iter().map(|row| row.op);
            ops.filter(|op| {
                ["adam", "watch", "running_statistics"]
                    .iter()
                    .any(|name| op.ends_with(name))
            })
            .collect::<Vec<_>>()
        });
        assert!(
            effects[0] == effects[1] && effects[0].len() > 4,
            "{effects:?}"
        );
    }
}

#[test]
fn the_papers_network_needs_half_the_activations_and_hardly_more_work() {
    for (size, batch_size) in [(256, 1), (256, 4), (512, 1)] {
        let config = Config {
            batch_size,
            ..small_config(size, 64)
        };
        let [plain, saving] = both(&config).map(|config| {
            let Recording {
                states, tape, vars, ..
            } = Recording::new(&config).unwrap();
            // Fusion saves memory by itself, more of it on the plain tape: here it stays out of the
            // comparison.
            let profile = Profile {
                class: DeviceClass::Cpu,
                subgroup: Some(8),
                fusion: false,
                ..Profile::portable()
            };
            let plan = Plan::new(&tape, &states, &[vars.fake], &profile).unwrap();
            let macs: u64 = rows(&plan).iter().map(|row| row.macs).sum();
            (plan.bytes(), macs, plan.dispatches())
        });
        let name = format!("{size} pixels, batch {batch_size}: {plain:?}, {saving:?}");
        assert!(saving.0 * 100 <= plain.0 * 55, "{name}");
        assert!(
            saving.1 * 100 <= plain.1 * 102 && saving.2 <= plain.2 + 100,
            "{name}"
        );
    }
}

#[test]
fn what_an_overwritten_state_made_is_kept() {
    let shape = Shape::nhwc(1, 16, 16, 8);
    let mut states = StateList::default();
    let arena = states.arena("statistics", false);
    let vector = Shape::vector(8);
    let running =
        ["mean", "var"].map(|name| states.add(arena, name.to_owned(), vector, Init::Constant(1.5)));
    let relu = Activation::LeakyRelu { slope: 0.0 };
    let mut tape = Tape::default();
    let [x, weight, bias] = [("x", shape), ("weight", vector), ("bias", vector)]
        .map(|(name, shape)| tape.input(name, shape));
    let stats = tape.input("stats", Shape::nhwc(1, 1, 2, 8));
    let old = running.map(|id| tape.state(&states, id));
    let normalized = batch_norm_running(&mut tape, x, [weight, bias], old, 1e-5).unwrap();
    let plain = activate(&mut tape, x, relu).unwrap();
    update_running_statistics(&mut tape, stats, old, 256, 0.1, 1e-5).unwrap();
    // Both wait while much else is alive; only the one that no state made can be made again.
    let values: Vec<_> = (0..4)
        .map(|i| scale(&mut tape, x, 2.0 + i as f32).unwrap())
        .collect();
    let mut output = values[0];
    for &value in values[1..].iter().chain([&normalized, &plain]) {
        output = add(&mut tape, output, value).unwrap();
    }
    let rewritten = recompute(&tape, &states, &[output]).unwrap();
    let again: Vec<String> = rewritten
        .tape
        .nodes()
        .iter()
        .filter(|node| node.scope.starts_with("again"))
        .map(|n| n.name().to_owned())
        .collect();
    assert!(
        again.contains(&"relu".to_owned()) && !again.contains(&"normalize".to_owned()),
        "{again:?}"
    );
    assert_eq!(
        number(rewritten.at(output)),
        rewritten.tape.nodes().len() - 1
    );

    let inputs = [x, weight, bias, stats];
    assert_eq!(
        run_once(&tape, &states, &inputs, output),
        run_once(
            &rewritten.tape,
            &states,
            &inputs.map(|var| rewritten.at(var)),
            rewritten.at(output)
        )
    );
}

/// The output of a tape whose inputs are random, other ones for each.
fn run_once(tape: &Tape, states: &StateList, inputs: &[Var], output: Var) -> Vec<u32> {
    let gpu = gpu();
    let store = Store::new(&gpu, states.clone(), false).unwrap();
    block_on(store.initialise(&gpu, 1)).unwrap();
    let program = Program::compile(&gpu, &store, tape, &[output]).unwrap();
    for (&var, seed) in inputs.iter().zip(0..) {
        let values = Tensor::random(tape.shape(var), seed).values;
        program.write(&gpu, var, &values).unwrap();
    }
    program
        .run(&gpu, &store, &StepState::new(1, 1, 0.0, [0.5; 2]))
        .unwrap();
    bits(&block_on(program.read(&gpu, output)).unwrap())
}

#[test]
fn a_tape_without_waiting_values_stays_as_it_is() {
    let mut tape = Tape::default();
    let x = tape.input("x", Shape::nhwc(1, 8, 8, 4));
    let y = scale(&mut tape, x, 2.0).unwrap();
    let z = scale(&mut tape, y, 3.0).unwrap();
    let rewritten = recompute(&tape, &StateList::default(), &[z]).unwrap();
    assert_eq!((rewritten.tape.nodes().len(), rewritten.at(z)), (3, z));
}
