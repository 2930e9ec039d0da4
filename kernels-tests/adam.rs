//! Twin of `shaders/adam/`, over arenas.

mod from_maps;
mod without_gradient;

use pix2pix::gpu::{DeviceClass, Gpu, Profile};
use pix2pix::ops::adam::{Adam, update};
use pix2pix::state::{ArenaId, Init, StateList};
use pix2pix::tape::{ArenaPart, LowerContext, Op, Operand, StepState};
use pix2pix::tape::{Tape, TapeError};
use pix2pix::tensor::Shape;
use pix2pix_harness::{Arenas, Surroundings, Tensor, gpu, run, twins};

const BETAS: [f64; 2] = [0.5, 0.999];
const LEARNING_RATE: f64 = 2e-4;
const EPS: f32 = 1e-8;
const TWIN: twins::adam::Adam = twins::adam::Adam {
    learning_rate: LEARNING_RATE,
    betas: BETAS,
    eps: EPS as f64,
};
const PARTS: [ArenaPart; 4] = [
    ArenaPart::Value,
    ArenaPart::Gradient,
    ArenaPart::Moment1,
    ArenaPart::Moment2,
];

fn states() -> (StateList, ArenaId) {
    let mut states = StateList::default();
    states.arena("another", true);
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

/// The arena's words that belong to `values` of its states in order; gaps and pad lanes are zero.
fn lay_out(states: &StateList, arena: ArenaId, mut value: impl FnMut() -> f32) -> Vec<f32> {
    let mut words = vec![0.0; states.get_arena(arena).bytes as usize / 4];
    for state in states.in_arena(arena) {
        let logical: Vec<f32> = (0..state.shape.len()).map(|_| value()).collect();
        let packed = state.shape.pack(&logical);
        words[state.offset as usize / 4..][..packed.len()].copy_from_slice(&packed);
    }
    words
}

/// Gradients of every scale from 1e-9 to 10, each element at its own, and some that are 0.
fn gradient(states: &StateList, arena: ArenaId, step: u64) -> Vec<f32> {
    let draws = Tensor::random(Shape::vector(2000), step as u32).values;
    let mut count = 0;
    lay_out(states, arena, || {
        count += 1;
        if count % 11 == 5 {
            0.0
        } else {
            draws[count] * 10f32.powi(count as i32 % 11 - 9)
        }
    })
}

fn close(what: &str, got: f32, expected: f64, absolute: f64) {
    // Each of five steps rounds a few times.
    let error = (f64::from(got) - expected).abs();
    assert!(
        error <= absolute + 1e-6 * expected.abs(),
        "{what} is {got}, expected {expected} (off by {error:.2e})"
    );
}

/// Five steps on the device, each compared with the twin.
fn check(gpu: &Gpu, mut around: Surroundings, arena: ArenaId) {
    let op = Adam::new(arena, BETAS, EPS);
    let start = lay_out(&around.states, arena, {
        let mut draws = Tensor::random(Shape::vector(2000), 99).values.into_iter();
        move || draws.next().unwrap() * 0.2
    });
    let mut expected: Vec<[f64; 3]> = start
        .iter()
        .map(|&value| [value.into(), 0.0, 0.0])
        .collect();
    let zeros = vec![0.0; start.len()];
    around.arenas = [start, zeros.clone(), zeros.clone(), zeros]
        .into_iter()
        .zip(PARTS)
        .map(|(w, part)| ((arena, part), w))
        .collect();
    for step in 1..=5 {
        let gradient = gradient(&around.states, arena, step);
        around
            .arenas
            .insert((arena, ArenaPart::Gradient), gradient.clone());
        around.step = StepState::new(7, step, LEARNING_RATE, BETAS);
        around.arenas = run(gpu, "adam", &op, &[], false, &around).arenas;
        let part = |part| &around.arenas[&(arena, part)];
        for (i, state) in expected.iter_mut().enumerate() {
            TWIN.update(state, gradient[i].into(), step);
            let largest = (1..=step)
                .map(|s| self::gradient(&around.states, arena, s)[i].abs())
                .fold(0.0, f32::max);
            close(
                &format!("value {i} after step {step}"),
                part(ArenaPart::Value)[i],
                state[0],
                1e-7,
            );
            close(
                &format!("moment1 {i} after step {step}"),
                part(ArenaPart::Moment1)[i],
                state[1],
                1e-6 * f64::from(largest),
            );
            close(
                &format!("moment2 {i} after step {step}"),
                part(ArenaPart::Moment2)[i],
                state[2],
                1e-30,
            );
        }
        assert_eq!(part(ArenaPart::Gradient), &gradient);
    }
}

/// The device as it is, and as if it had no 64-bit integers: what takes eight numbers at a time has
/// a counterpart without.
fn profiles(gpu: &Gpu) -> Vec<Profile> {
    let profile = gpu.profile().clone();
    let narrow = profile.int64.then(|| Profile {
        int64: false,
        ..profile.clone()
    });
    [profile].into_iter().chain(narrow).collect()
}

#[test]
fn adam_matches_its_twin() {
    let (states, arena) = states();
    let gpu = gpu();
    for profile in profiles(&gpu) {
        check(
            &gpu,
            Surroundings {
                states: states.clone(),
                profile: Some(profile),
                ..Default::default()
            },
            arena,
        );
    }
}

#[test]
fn an_arena_beyond_one_binding_is_updated_in_ranges() {
    let gpu = gpu();
    let (states, arena) = states();
    for mut profile in profiles(&gpu) {
        profile.max_binding_bytes = 1000;
        let op = Adam::new(arena, BETAS, EPS);
        let output = Operand::dense(Shape::scalar());
        let lowered = op.lower(&LowerContext {
            inputs: &[],
            output,
            byproducts: &[],
            profile: &profile,
            states: &states,
        });
        assert_eq!(
            lowered.dispatches.len() as u64,
            states.get_arena(arena).bytes.div_ceil(768)
        );
        let wide = profile.class == DeviceClass::Cpu && profile.int64;
        for launch in &lowered.dispatches {
            let label = launch.kernel.label();
            assert!(label.starts_with("adam/update "), "{label}");
            assert_eq!(label.contains("vec4=vec8"), wide, "{label}");
        }
        check(
            &gpu,
            Surroundings {
                states: states.clone(),
                profile: Some(profile),
                ..Default::default()
            },
            arena,
        );
    }
}

#[test]
fn nothing_moves_once_the_flag_is_up() {
    let gpu = gpu();
    let (states, arena) = states();
    let words = lay_out(&states, arena, || 0.5);
    let arenas: Arenas = PARTS
        .into_iter()
        .map(|part| ((arena, part), words.clone()))
        .collect();
    let mut around = Surroundings {
        states,
        arenas: arenas.clone(),
        monitor: vec![1],
        ..Default::default()
    };
    for profile in profiles(&gpu) {
        around.profile = Some(profile);
        let after = run(
            &gpu,
            "adam",
            &Adam::new(arena, BETAS, EPS),
            &[],
            false,
            &around,
        )
        .arenas;
        assert_eq!(after, arenas);
    }
}

#[test]
fn an_update_ends_the_life_of_the_values_before_it() {
    let (states, arena) = states();
    let mut tape = Tape::default();
    let adam = Adam::new(arena, BETAS, EPS);
    let values: Vec<_> = states
        .in_arena(arena)
        .map(|state| tape.state(&states, state.id))
        .collect();
    update(&mut tape, &states, adam, &values).unwrap();
    let error = pix2pix::ops::add(&mut tape, values[0], values[0]).unwrap_err();
    assert!(matches!(error, TapeError::Stale { .. }), "{error}");
    let fresh = tape.state(&states, states.in_arena(arena).next().unwrap().id);
    pix2pix::ops::add(&mut tape, fresh, fresh).unwrap();
}
