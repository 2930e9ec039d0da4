//! Twin of `shaders/adam/`, over arenas.

use crate::harness::{Arenas, Surroundings, Tensor, gpu, run};
use pix2pix::gpu::Gpu;
use pix2pix::ops::adam::{Adam, update};
use pix2pix::ops::{ArenaPart, Op, StepState};
use pix2pix::state::{ArenaId, Init, StateList};
use pix2pix::tape::{Tape, TapeError};
use pix2pix::tensor::Shape;

const BETAS: [f64; 2] = [0.5, 0.999];
const LEARNING_RATE: f64 = 2e-4;
const EPS: f32 = 1e-8;
const PARTS: [ArenaPart; 4] = [ArenaPart::Value, ArenaPart::Gradient, ArenaPart::Moment1, ArenaPart::Moment2];

fn states() -> (StateList, ArenaId) {
    let mut states = StateList::default();
    states.arena("another", true);
    let arena = states.arena("network", true);
    for (i, shape) in [Shape::hwio(4, 4, 3, 16), Shape::vector(5), Shape::scalar(), Shape::hwio(1, 1, 6, 3)].into_iter().enumerate() {
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
        if count % 11 == 5 { 0.0 } else { draws[count] * 10f32.powi(count as i32 % 11 - 9) }
    })
}

/// One word of value, first and second moment in f64.
fn twin(state: &mut [f64; 3], g: f64, step: u64) {
    let [value, m, v] = state;
    *m = BETAS[0] * *m + (1.0 - BETAS[0]) * g;
    *v = BETAS[1] * *v + (1.0 - BETAS[1]) * g * g;
    let [correction1, correction2] = BETAS.map(|beta| 1.0 - beta.powi(step as i32));
    *value -= LEARNING_RATE / correction1 * *m / (v.sqrt() / correction2.sqrt() + f64::from(EPS));
}

fn close(what: &str, got: f32, expected: f64, absolute: f64) {
    // Each of five steps rounds a few times.
    let error = (f64::from(got) - expected).abs();
    assert!(error <= absolute + 1e-6 * expected.abs(), "{what} is {got}, expected {expected} (off by {error:.2e})");
}

/// Five steps on the device, each compared with the twin.
fn check(gpu: &Gpu, mut around: Surroundings, arena: ArenaId) {
    let op = Adam { arena, betas: BETAS, eps: EPS };
    let start = lay_out(&around.states, arena, {
        let mut draws = Tensor::random(Shape::vector(2000), 99).values.into_iter();
        move || draws.next().unwrap() * 0.2
    });
    let mut expected: Vec<[f64; 3]> = start.iter().map(|&value| [value.into(), 0.0, 0.0]).collect();
    let zeros = vec![0.0; start.len()];
    around.arenas = [start, zeros.clone(), zeros.clone(), zeros].into_iter().zip(PARTS).map(|(w, part)| ((arena, part), w)).collect();
    for step in 1..=5 {
        let gradient = gradient(&around.states, arena, step);
        around.arenas.insert((arena, ArenaPart::Gradient), gradient.clone());
        around.step = StepState::new(7, step, LEARNING_RATE, BETAS);
        around.arenas = run(gpu, "adam", &op, &[], false, &around).arenas;
        let part = |part| &around.arenas[&(arena, part)];
        for (i, state) in expected.iter_mut().enumerate() {
            twin(state, gradient[i].into(), step);
            let largest = (1..=step).map(|s| self::gradient(&around.states, arena, s)[i].abs()).fold(0.0, f32::max);
            close(&format!("value {i} after step {step}"), part(ArenaPart::Value)[i], state[0], 1e-7);
            close(&format!("moment1 {i} after step {step}"), part(ArenaPart::Moment1)[i], state[1], 1e-6 * f64::from(largest));
            close(&format!("moment2 {i} after step {step}"), part(ArenaPart::Moment2)[i], state[2], 1e-30);
        }
        assert_eq!(part(ArenaPart::Gradient), &gradient);
    }
}

#[test]
fn adam_matches_its_twin() {
    let (states, arena) = states();
    let gpu = gpu();
    check(&gpu, Surroundings { states, ..Default::default() }, arena);
}

#[test]
fn an_arena_beyond_one_binding_is_updated_in_ranges() {
    let gpu = gpu();
    let (states, arena) = states();
    let mut profile = gpu.profile().clone();
    profile.max_binding_bytes = 1000;
    let op = Adam { arena, betas: BETAS, eps: EPS };
    let output = pix2pix::ops::Operand::dense(Shape::scalar());
    let lowered = op.lower(&pix2pix::ops::LowerContext { inputs: &[], output, byproducts: &[], profile: &profile, states: &states });
    assert_eq!(lowered.dispatches.len() as u64, states.get_arena(arena).bytes.div_ceil(768));
    check(&gpu, Surroundings { states, profile: Some(profile), ..Default::default() }, arena);
}

#[test]
fn nothing_moves_once_the_flag_is_up() {
    let gpu = gpu();
    let (states, arena) = states();
    let words = lay_out(&states, arena, || 0.5);
    let arenas: Arenas = PARTS.into_iter().map(|part| ((arena, part), words.clone())).collect();
    let around = Surroundings { states, arenas: arenas.clone(), monitor: vec![1], ..Default::default() };
    let after = run(&gpu, "adam", &Adam { arena, betas: BETAS, eps: EPS }, &[], false, &around).arenas;
    assert_eq!(after, arenas);
}

#[test]
fn an_update_ends_the_life_of_the_values_before_it() {
    let (states, arena) = states();
    let mut tape = Tape::default();
    let adam = Adam { arena, betas: BETAS, eps: EPS };
    let values: Vec<_> = states.in_arena(arena).map(|state| tape.state(&states, state.id)).collect();
    update(&mut tape, &states, adam, &values).unwrap();
    let error = pix2pix::ops::add(&mut tape, values[0], values[0]).unwrap_err();
    assert!(matches!(error, TapeError::Stale { .. }), "{error}");
    let fresh = tape.state(&states, states.in_arena(arena).next().unwrap().id);
    pix2pix::ops::add(&mut tape, fresh, fresh).unwrap();
}
