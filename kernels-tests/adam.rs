//! Twin of `shaders/adam/`, over arenas and from maps.

use pix2pix::contraction::Geometry;
use pix2pix::gpu::{DeviceClass, Gpu, Profile};
use pix2pix::ops::adam::{Adam, FromMaps, update};
use pix2pix::ops::channel_sum::ChannelSum;
use pix2pix::ops::conv2d_grad_weight::Conv2dGradWeight;
use pix2pix::ops::loss_scale::Scaling;
use pix2pix::program::Plan;
use pix2pix::state::{ArenaId, Init, StateList};
use pix2pix::tape::{ArenaPart, LowerContext, Op, Operand, StepState};
use pix2pix::tape::{Tape, TapeError, Var};
use pix2pix::tensor::{DType, Shape};
use pix2pix_harness::contraction;
use pix2pix_harness::contraction::{Case, activated, shapes, swapped};
use pix2pix_harness::{Arenas, Surroundings, Tensor, Tolerance, gpu, precisions, run, twins};

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

const HALVE: Geometry = Geometry::new(4, 2, 1);

/// Weights whose optimiser reads maps: single pixels, ragged channels, batches, several tiles of
/// columns, every stride and padding, and maps that are smaller than the kernel.
const MAPS: [Case; 10] = [
    (HALVE, 1, [2, 2], [16, 16]),
    (HALVE, 2, [2, 2], [6, 300]),
    (HALVE, 1, [4, 2], [24, 520]),
    (HALVE, 1, [4, 4], [17, 33]),
    (HALVE, 2, [9, 7], [4, 6]),
    (HALVE, 1, [16, 16], [5, 7]),
    (Geometry::new(4, 1, 1), 2, [5, 4], [6, 1]),
    (Geometry::new(3, 1, 1), 1, [1, 1], [130, 3]),
    (Geometry::new(1, 1, 0), 1, [3, 2], [1, 5]),
    (Geometry::new(7, 1, 3), 1, [1, 2], [3, 9]),
];

/// Leaky ReLUs in front of the large and of the small map.
const SLOPES: [f32; 2] = [0.2, 0.0];

/// A weight between other states, in an arena that is updated from maps alone, and what one step
/// needs.
struct FromMapsCase {
    around: Surroundings,
    arena: ArenaId,
    op: Adam,
    /// Where the weight lies, in words.
    words: std::ops::Range<usize>,
}

impl FromMapsCase {
    fn new(case: Case, transposed_output: bool, precision: DType) -> Self {
        let (.., weight) = shapes(case);
        let [kernel, _, a, b] = weight.dims();
        let weight = if transposed_output {
            Shape::hwio(kernel, kernel, b, a)
        } else {
            weight
        };
        let mut states = StateList::new(precision);
        let arena = states.arena("network", true);
        let mut add =
            |name: &str, shape| states.add(arena, name.to_owned(), shape, Init::Constant(0.0));
        let [_, state, _] = [
            ("before", Shape::vector(5)),
            ("weight", weight),
            ("behind", Shape::hwio(1, 1, 4, 4)),
        ]
        .map(|(n, s)| add(n, s));
        let gradient = Conv2dGradWeight {
            geometry: case.0,
            transposed_output,
        };
        let op = Adam {
            from_maps: vec![FromMaps {
                state,
                gradient,
                slopes: SLOPES,
            }],
            ..Adam::new(arena, BETAS, EPS)
        };
        let mut draws = Tensor::random(
            Shape::vector(states.get_arena(arena).bytes as usize / 4),
            99,
        )
        .values
        .into_iter();
        let start = lay_out(&states, arena, || draws.next().unwrap() * 0.2);
        let zeros = vec![0.0; start.len()];
        let range = states.range(state);
        let words = range.offset as usize / 4..(range.offset + range.bytes) as usize / 4;
        let mut arenas: Arenas = [
            (ArenaPart::Value, start),
            (ArenaPart::Moment1, zeros.clone()),
            (ArenaPart::Moment2, zeros.clone()),
        ]
        .into_iter()
        .map(|(part, words)| ((arena, part), words))
        .collect();
        arenas.insert((arena, ArenaPart::Gradient), zeros.clone());
        if precision == DType::F16 {
            arenas.insert((arena, ArenaPart::Half), zeros);
        }
        Self {
            around: Surroundings {
                states,
                arenas,
                ..Default::default()
            },
            arena,
            op,
            words,
        }
    }

    /// The gradient in the order of memory.
    fn gradient(&self, case: Case, inputs: &[Tensor]) -> Vec<f64> {
        let (.., weight) = shapes(case);
        let values: Vec<f32> = contraction::grad_weight(
            case.0,
            &activated(&inputs[0], SLOPES[0]),
            &activated(&inputs[1], SLOPES[1]),
        )
        .into_iter()
        .map(|v| v as f32)
        .collect();
        let gradient = Tensor::new(weight, values);
        let gradient = if self.op.from_maps[0].gradient.transposed_output {
            swapped(&gradient)
        } else {
            gradient
        };
        gradient
            .shape
            .pack(&gradient.values)
            .into_iter()
            .map(f64::from)
            .collect()
    }

    /// All words of the arena's parts but those of the weight, which must not move where it alone
    /// is updated.
    fn others(&self) -> Vec<u32> {
        let parts = [ArenaPart::Value, ArenaPart::Moment1, ArenaPart::Moment2]
            .map(|part| &self.around.arenas[&(self.arena, part)]);
        let kept =
            |words: &&Vec<f32>| [&words[..self.words.start], &words[self.words.end..]].concat();
        parts.iter().flat_map(kept).map(f32::to_bits).collect()
    }
}

/// Eight numbers at a time where the device has 64-bit integers, loads lane by lane, and the columns
/// are a multiple of eight channels.
#[test]
fn weights_from_maps_are_8_wide_where_their_columns_are() {
    for (case, transposed, int64, wide) in [
        (MAPS[0], false, true, true),
        (MAPS[0], false, false, false),
        (MAPS[3], false, true, false),
        (MAPS[2], true, true, true),
    ] {
        let tested = FromMapsCase::new(case, transposed, DType::F32);
        let (large, small, _) = shapes(case);
        let profile = Profile {
            class: DeviceClass::Cpu,
            int64,
            ..Profile::portable()
        };
        let context = LowerContext {
            inputs: &[large, small].map(Operand::dense),
            output: Operand::dense(Shape::scalar()),
            byproducts: &[],
            profile: &profile,
            states: &tested.around.states,
        };
        let launched: Vec<_> = tested
            .op
            .lower(&context)
            .dispatches
            .iter()
            .map(|launch| launch.kernel.label())
            .collect();
        let label = launched.last().unwrap();
        assert!(label.starts_with("adam/from_maps "), "{label}");
        assert_eq!(
            label.contains("vec4=vec8"),
            wide,
            "{case:?}, transposed {transposed}, 64-bit integers {int64}: {label}"
        );
    }
}

/// Three steps of the weight by the gradient of three pairs of maps. Those of its neighbours are
/// zero, and so are their moments.
#[test]
fn a_weight_is_updated_from_maps_by_the_gradient_that_is_kept_nowhere() {
    let gpu = gpu();
    let cases = MAPS
        .into_iter()
        .flat_map(|case| [false, true].map(|transposed| (case, transposed)));
    let profiles = profiles(&gpu);
    for ((case, transposed), profile) in
        cases.flat_map(|case| profiles.iter().map(move |profile| (case, profile)))
    {
        let (large, small, _) = shapes(case);
        let mut tested = FromMapsCase::new(case, transposed, DType::F32);
        tested.around.profile = Some(profile.clone());
        let start =
            tested.around.arenas[&(tested.arena, ArenaPart::Value)][tested.words.clone()].to_vec();
        let mut expected: Vec<[f64; 3]> = start
            .iter()
            .map(|&value| [value.into(), 0.0, 0.0])
            .collect();
        let before = tested.others();
        let error = Tolerance::sum_of(small.rows(), 1.0).absolute;
        for step in 1..=3 {
            let inputs = [
                Tensor::random(large, step as u32),
                Tensor::random(small, 10 + step as u32),
            ];
            let gradient = tested.gradient(case, &inputs);
            tested.around.step = StepState::new(7, step, LEARNING_RATE, BETAS);
            tested.around.arenas =
                run(&gpu, "adam", &tested.op, &inputs, step == 2, &tested.around).arenas;
            let part = |part| &tested.around.arenas[&(tested.arena, part)][tested.words.clone()];
            for (i, state) in expected.iter_mut().enumerate() {
                TWIN.update(state, gradient[i], step);
                let name = |what: &str| {
                    format!("{case:?}, transposed {transposed}: {what} {i} after step {step}")
                };
                // What a sum is off by moves a value by as much of the learning rate as it is of
                // the second moment's root, once a step.
                let root = (state[2] / (1.0 - BETAS[1].powi(step as i32)))
                    .sqrt()
                    .max(1e-30);
                let moved = 1e-7 + step as f64 * LEARNING_RATE * (4.0 * error / root).min(2.0);
                close(&name("value"), part(ArenaPart::Value)[i], state[0], moved);
                close(
                    &name("moment1"),
                    part(ArenaPart::Moment1)[i],
                    state[1],
                    error,
                );
                let square = (1.0 - BETAS[1]) * 2.0 * error * small.rows() as f64 * step as f64;
                close(
                    &name("moment2"),
                    part(ArenaPart::Moment2)[i],
                    state[2],
                    square,
                );
            }
        }
        assert!(tested.others() == before, "{case:?}: a neighbour moved");
    }
}

#[test]
fn nothing_moves_from_maps_once_the_flag_is_up() {
    let gpu = gpu();
    let mut tested = FromMapsCase::new(MAPS[3], false, DType::F32);
    tested.around.monitor = vec![1];
    let (large, small, _) = shapes(MAPS[3]);
    for profile in profiles(&gpu) {
        tested.around.profile = Some(profile);
        let after = run(
            &gpu,
            "adam",
            &tested.op,
            &[Tensor::random(large, 1), Tensor::random(small, 2)],
            false,
            &tested.around,
        )
        .arenas;
        assert_eq!(after, tested.around.arenas);
    }
}

/// In f16 the gradient is divided by the loss scale and the copy written; maps that are not finite
/// move nothing and halve the scale.
#[test]
fn from_maps_in_f16_is_that_of_f32_and_sees_an_overflow() {
    let gpu = gpu();
    if !precisions(&gpu, "adam from maps").contains(&DType::F16) {
        return;
    }
    let case = MAPS[3];
    let (large, small, _) = shapes(case);
    let inputs =
        [Tensor::random(large, 1), Tensor::random(small, 2)].map(|map| map.stored(DType::F16));
    let scaling = Scaling {
        scale: 4.0,
        ..Default::default()
    };
    for bad in [None, Some(f32::INFINITY), Some(f32::NAN)] {
        let mut single = FromMapsCase::new(case, true, DType::F32);
        let mut half = FromMapsCase::new(case, true, DType::F16);
        half.around.monitor = [&[0; 4][..], bytemuck::cast_slice(&[scaling])].concat();
        let mut scaled = inputs.clone();
        scaled[1].values.iter_mut().for_each(|value| *value *= 4.0);
        if let Some(bad) = bad {
            *scaled[1].values.last_mut().unwrap() = bad;
        }
        let after = run(&gpu, "adam", &half.op, &scaled, false, &half.around);
        let words: Vec<u32> = after.monitor[4..8].to_vec();
        let moved = [ArenaPart::Value, ArenaPart::Moment1, ArenaPart::Moment2];
        if bad.is_some() {
            assert!(
                after.arenas == half.around.arenas,
                "{bad:?} moved something"
            );
            assert_eq!(
                (f32::from_bits(words[0]), words[3]),
                (2.0, 1),
                "the scale is halved, a step skipped"
            );
            continue;
        }
        single.around.arenas = run(
            &gpu,
            "adam",
            &single.op,
            &inputs.clone().map(|map| map.stored(DType::F32)),
            false,
            &single.around,
        )
        .arenas;
        for part in moved {
            // A power of two scales without rounding.
            assert!(
                after.arenas[&(half.arena, part)] == single.around.arenas[&(single.arena, part)],
                "{part:?}"
            );
        }
        let weight = |part| &after.arenas[&(half.arena, part)][half.words.clone()];
        assert!(
            weight(ArenaPart::Half)
                == DType::F16.decode(&DType::F16.encode(weight(ArenaPart::Value))),
            "the copy is the rounded value"
        );
        assert_eq!((f32::from_bits(words[0]), words[1]), (4.0, 1));
    }
}

/// A weight's gradient from maps of so many pixels and the update of its arena by it, with the
/// gradient of a bias.
fn optimised(pixels: usize, precision: DType) -> (Tape, StateList, [Var; 2]) {
    let mut states = StateList::new(precision);
    let arena = states.arena("net", true);
    for (name, shape) in [
        ("weight", Shape::hwio(4, 4, 6, 8)),
        ("bias", Shape::vector(8)),
    ] {
        states.add(arena, name.to_owned(), shape, Init::Constant(1.0));
    }
    let mut tape = Tape::default();
    let large = tape.input("large", Shape::nhwc(1, 2, 2 * pixels, 6));
    let small = tape.input("small", Shape::nhwc(1, 1, pixels, 8));
    let gradient = tape
        .record(
            Conv2dGradWeight {
                geometry: HALVE,
                transposed_output: false,
            },
            &[large, small],
        )
        .unwrap();
    let bias = tape.record(ChannelSum, &[small]).unwrap();
    update(
        &mut tape,
        &states,
        Adam::new(arena, BETAS, EPS),
        &[gradient, bias],
    )
    .unwrap();
    (tape, states, [gradient, bias])
}

/// The names of the operations that a tape launches.
fn launched(tape: &Tape, states: &StateList, outputs: &[Var]) -> Vec<&'static str> {
    let plan = Plan::new(tape, states, outputs, &Profile::portable()).unwrap();
    plan.steps
        .iter()
        .map(|step| plan.tape.nodes()[step.node].name())
        .collect()
}

#[test]
fn an_optimiser_makes_the_gradients_of_small_maps_itself() {
    for precision in [DType::F32, DType::F16] {
        let (tape, states, [gradient, bias]) = optimised(4, precision);
        assert_eq!(launched(&tape, &states, &[]), ["channel_sum", "adam"]);
        let plan =
            |outputs: &[Var]| Plan::new(&tape, &states, outputs, &Profile::portable()).unwrap();
        // 8 floats, and what lies between two states; only the bias is kept.
        let kept = |plan: Plan| plan.gradients.into_values().collect::<Vec<u64>>();
        let [all, rest] = [4 * 4 * 8 * 8 * 4 + 512, 512].map(|bytes| bytes * precision.bytes() / 4);
        assert_eq!(kept(plan(&[])), [rest]);
        // What the caller wants to read is kept, and so is what a large map makes.
        assert_eq!(kept(plan(&[gradient])), [all]);
        assert_eq!(
            launched(&tape, &states, &[gradient]),
            ["conv2d_grad_weight", "channel_sum", "adam"]
        );
        assert_eq!(kept(plan(&[bias])), [rest]);
        let (tape, states, _) = optimised(5, precision);
        assert_eq!(
            launched(&tape, &states, &[]),
            ["conv2d_grad_weight", "channel_sum", "adam"]
        );
    }
}
