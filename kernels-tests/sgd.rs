//! Twin of `shaders/sgd/`.

use pix2pix::gpu::{Gpu, Profile};
use pix2pix::ops::loss_scale::Scaling;
use pix2pix::ops::sgd::{Sgd, update};
use pix2pix::program::Memory;
use pix2pix::state::{ArenaId, Init, StateList};
use pix2pix::tape::{ArenaPart, LowerContext, Op, Operand, StepState};
use pix2pix::tape::{Tape, TapeError};
use pix2pix::tensor::{DType, Shape};
use pix2pix_harness::twins::sgd;
use pix2pix_harness::{Arenas, OpOutcome, Surroundings, Tensor, gpu, precisions, run};

const LEARNING_RATE: f64 = 0.1;

fn states(precision: DType) -> (StateList, ArenaId) {
    let mut states = StateList::new(precision);
    let arena = states.arena("network", true);
    for (i, shape) in [
        Shape::hwio(4, 4, 3, 16),
        Shape::vector(5),
        Shape::scalar(),
        Shape::hwio(1, 1, 6, 3),
    ]
    .into_iter()
    .enumerate()
    {
        states.add(arena, format!("state {i}"), shape, Init::Constant(0.0));
    }
    (states, arena)
}

fn draws(states: &StateList, arena: ArenaId, seed: u32) -> Vec<f32> {
    let words = states.get_arena(arena).bytes as usize / 4;
    Tensor::random(Shape::vector(words), seed)
        .stored(DType::F16)
        .values
}

/// Value, gradient, velocity and copy; without momentum there is no velocity to bind.
fn arenas(states: &StateList, arena: ArenaId, momentum: f64) -> Arenas {
    let zeros = vec![0.0; states.get_arena(arena).bytes as usize / 4];
    let mut arenas = Arenas::from([
        ((arena, ArenaPart::Value), draws(states, arena, 1)),
        ((arena, ArenaPart::Gradient), zeros.clone()),
    ]);
    if momentum != 0.0 {
        arenas.insert((arena, ArenaPart::Moment1), zeros.clone());
    }
    if states.precision() == DType::F16 {
        arenas.insert((arena, ArenaPart::Half), zeros);
    }
    arenas
}

/// Four steps on the device in ranges of at most so many bytes, each compared with the formula in
/// f64.
fn check(gpu: &Gpu, momentum: f64, most: Option<u64>) {
    let (states, arena) = states(DType::F32);
    let op = Sgd { arena, momentum };
    let profile = Profile {
        max_binding_bytes: most.unwrap_or(gpu.profile().max_binding_bytes),
        ..gpu.profile().clone()
    };
    let arenas = arenas(&states, arena, momentum);
    let mut expected: Vec<[f64; 2]> = arenas[&(arena, ArenaPart::Value)]
        .iter()
        .map(|&value| [value.into(), 0.0])
        .collect();
    let mut around = Surroundings {
        states,
        arenas,
        profile: Some(profile),
        ..Default::default()
    };
    for step in 1..=4 {
        let gradient = draws(&around.states, arena, 10 + step as u32);
        around
            .arenas
            .insert((arena, ArenaPart::Gradient), gradient.clone());
        around.step = StepState::new(7, step, LEARNING_RATE, [0.0; 2]);
        around.arenas = run(gpu, "sgd", &op, &[], false, &around).arenas;
        for (i, state) in expected.iter_mut().enumerate() {
            sgd::update(state, gradient[i].into(), LEARNING_RATE, momentum);
            let [value, velocity] = state;
            // Four steps round a few times each, numbers of up to 4.
            let close = |got: f32, expected: f64| (f64::from(got) - expected).abs() < 4e-6;
            assert!(
                close(around.arenas[&(arena, ArenaPart::Value)][i], *value),
                "value {i} after step {step}"
            );
            let kept = around
                .arenas
                .get(&(arena, ArenaPart::Moment1))
                .map_or(*velocity, |words| words[i].into());
            assert!(
                (kept - *velocity).abs() < 4e-6,
                "velocity {i} after step {step}"
            );
        }
        assert_eq!(around.arenas[&(arena, ArenaPart::Gradient)], gradient);
    }
}

#[test]
fn sgd_matches_its_twin() {
    let gpu = gpu();
    for momentum in [0.0, 0.9] {
        check(&gpu, momentum, None);
        check(&gpu, momentum, Some(1000));
    }
}

#[test]
fn sgd_moves_nothing_once_the_flag_is_up() {
    let gpu = gpu();
    let (states, arena) = states(DType::F32);
    let mut arenas = arenas(&states, arena, 0.9);
    arenas.insert((arena, ArenaPart::Gradient), draws(&states, arena, 2));
    let around = Surroundings {
        states,
        arenas: arenas.clone(),
        monitor: vec![1],
        ..Default::default()
    };
    assert_eq!(
        run(
            &gpu,
            "sgd",
            &Sgd {
                arena,
                momentum: 0.9
            },
            &[],
            false,
            &around
        )
        .arenas,
        arenas
    );
}

/// What one step with a gradient of this scale leaves, whose number 7 is replaced by `bad`; and the
/// arenas before it.
fn scaled_step(gpu: &Gpu, precision: DType, scale: f32, bad: Option<f32>) -> (OpOutcome, Arenas) {
    let (states, arena) = states(precision);
    let mut arenas = arenas(&states, arena, 0.5);
    let mut gradient: Vec<f32> = draws(&states, arena, 2)
        .iter()
        .map(|value| value * scale)
        .collect();
    if let Some(bad) = bad {
        gradient[7] = bad;
    }
    arenas.insert((arena, ArenaPart::Gradient), gradient);
    let scaling = Scaling {
        scale,
        ..Default::default()
    };
    let around = Surroundings {
        states,
        arenas: arenas.clone(),
        monitor: [&[0; 4][..], bytemuck::cast_slice(&[scaling])].concat(),
        ..Default::default()
    };
    let op = Sgd {
        arena,
        momentum: 0.5,
    };
    (run(gpu, "sgd", &op, &[], false, &around), arenas)
}

/// In f16 the gradient is divided by the loss scale and the copy written. A power of two divides
/// without rounding.
#[test]
fn sgd_in_f16_is_that_of_f32() {
    let gpu = gpu();
    if !precisions(&gpu, "sgd").contains(&DType::F16) {
        return;
    }
    let (_, arena) = states(DType::F16);
    let (single, _) = scaled_step(&gpu, DType::F32, 1.0, None);
    let (half, _) = scaled_step(&gpu, DType::F16, 64.0, None);
    for part in [ArenaPart::Value, ArenaPart::Moment1] {
        assert!(
            half.arenas[&(arena, part)] == single.arenas[&(arena, part)],
            "{part:?}"
        );
    }
    let rounded = DType::F16.decode(&DType::F16.encode(&half.arenas[&(arena, ArenaPart::Value)]));
    assert!(
        half.arenas[&(arena, ArenaPart::Half)] == rounded,
        "the copy is the rounded value"
    );
    assert_eq!(
        (f32::from_bits(half.monitor[4]), half.monitor[5]),
        (64.0, 1)
    );
}

#[test]
fn an_overflow_moves_nothing_in_sgd_and_halves_the_scale() {
    let gpu = gpu();
    if !precisions(&gpu, "sgd").contains(&DType::F16) {
        return;
    }
    let (_, arena) = states(DType::F16);
    for bad in [f32::INFINITY, f32::NAN] {
        let (outcome, before) = scaled_step(&gpu, DType::F16, 64.0, Some(bad));
        for part in [ArenaPart::Value, ArenaPart::Moment1, ArenaPart::Half] {
            assert!(
                outcome.arenas[&(arena, part)] == before[&(arena, part)],
                "{bad}: {part:?} moved"
            );
        }
        assert_eq!(
            (f32::from_bits(outcome.monitor[4]), outcome.monitor[7]),
            (32.0, 1),
            "the scale is halved, a step skipped"
        );
    }
}

#[test]
fn sgd_ends_the_life_of_the_values_before_it_and_takes_less_memory() {
    let (mut states, arena) = states(DType::F32);
    let mut tape = Tape::default();
    let values: Vec<_> = states
        .in_arena(arena)
        .map(|state| tape.state(&states, state.id))
        .collect();
    update(
        &mut tape,
        &states,
        Sgd {
            arena,
            momentum: 0.0,
        },
        &values,
    )
    .unwrap();
    assert!(matches!(
        pix2pix::ops::add(&mut tape, values[0], values[0]),
        Err(TapeError::Stale { .. })
    ));
    let lowered = |momentum| {
        let context = LowerContext {
            inputs: &[],
            output: Operand::dense(Shape::scalar()),
            byproducts: &[],
            profile: &Profile::portable(),
            states: &states,
        };
        Sgd { arena, momentum }.lower(&context).dispatches.len()
    };
    assert_eq!([lowered(0.0), lowered(0.9)], [1, 1]);
    let bytes = states.get_arena(arena).bytes;
    for moments in [0, 1, 2] {
        states.set_moments(moments);
        let memory = Memory::of_states(&states, true, &Profile::portable()).unwrap();
        assert!(
            memory.moments >= moments as u64 * bytes
                && memory.moments <= moments as u64 * (bytes + 256)
        );
        assert_eq!(states.bytes(), (1 + moments as u64) * bytes);
    }
}
