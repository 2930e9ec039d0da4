//! Twin of `shaders/adam/from_maps.wgsl`: the optimiser makes the gradient of a weight itself.

use super::{BETAS, EPS, LEARNING_RATE, TWIN, close, lay_out, profiles};
use pix2pix::contraction::Geometry;
use pix2pix::gpu::{DeviceClass, Gpu, Profile};
use pix2pix::ops::adam::{Adam, FromMaps};
use pix2pix::ops::conv2d_grad_weight::Conv2dGradWeight;
use pix2pix::ops::loss_scale::Scaling;
use pix2pix::state::{ArenaId, Init, StateId, StateList};
use pix2pix::tape::{ArenaPart, LowerContext, Op, Operand, StepState};
use pix2pix::tensor::{DType, Shape};
use pix2pix_harness::contraction;
use pix2pix_harness::contraction::{ContractionCase, activated, shapes, swapped};
use pix2pix_harness::{Arenas, OpOutcome, Surroundings, Tensor, Tolerance, gpu, precisions, run};

const HALVE: Geometry = Geometry::new(4, 2, 1);

/// Weights whose optimiser reads maps: single pixels, ragged channels, batches, several tiles of
/// columns, every stride and padding, and maps that are smaller than the kernel.
const MAPS: [ContractionCase; 10] = [
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
    fn new(case: ContractionCase, transposed_output: bool, precision: DType) -> Self {
        let (states, arena, state) = between_neighbours(case, transposed_output, precision);
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
        let range = states.range(state);
        Self {
            words: range.offset as usize / 4..(range.offset + range.bytes) as usize / 4,
            around: Surroundings {
                arenas: before_the_first_step(&states, arena),
                states,
                ..Default::default()
            },
            arena,
            op,
        }
    }

    /// The gradient in the order of memory.
    fn gradient(&self, case: ContractionCase, inputs: &[Tensor]) -> Vec<f64> {
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

    /// The weight and its moments with what the twin makes of them in `step` steps, whose gradients
    /// are sums of so many terms.
    fn compare(&self, name: &str, expected: &[[f64; 3]], terms: usize, step: u64) {
        let part = |part| &self.around.arenas[&(self.arena, part)][self.words.clone()];
        let error = Tolerance::sum_of(terms, 1.0).absolute;
        for (i, state) in expected.iter().enumerate() {
            let check = |what: &str, of: ArenaPart, expected: f64, absolute: f64| {
                close(
                    &format!("{name}: {what} {i}"),
                    part(of)[i],
                    expected,
                    absolute,
                );
            };
            // What a sum is off by moves a value by as much of the learning rate as it is of the
            // second moment's root, once a step.
            let root = (state[2] / (1.0 - BETAS[1].powi(step as i32)))
                .sqrt()
                .max(1e-30);
            let moved = 1e-7 + step as f64 * LEARNING_RATE * (4.0 * error / root).min(2.0);
            let square = (1.0 - BETAS[1]) * 2.0 * error * terms as f64 * step as f64;
            check("value", ArenaPart::Value, state[0], moved);
            check("moment1", ArenaPart::Moment1, state[1], error);
            check("moment2", ArenaPart::Moment2, state[2], square);
        }
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

/// An arena of a weight between two other states.
fn between_neighbours(
    case: ContractionCase,
    transposed_output: bool,
    precision: DType,
) -> (StateList, ArenaId, StateId) {
    let (.., weight) = shapes(case);
    let [kernel, _, a, b] = weight.dims();
    let weight = if transposed_output {
        Shape::hwio(kernel, kernel, b, a)
    } else {
        weight
    };
    let mut states = StateList::new(precision);
    let arena = states.arena("network", true);
    let [_, state, _] = [
        ("before", Shape::vector(5)),
        ("weight", weight),
        ("behind", Shape::hwio(1, 1, 4, 4)),
    ]
    .map(|(name, shape)| states.add(arena, name.to_owned(), shape, Init::Constant(0.0)));
    (states, arena, state)
}

/// Random values and everything else zero.
fn before_the_first_step(states: &StateList, arena: ArenaId) -> Arenas {
    let count = states.get_arena(arena).bytes as usize / 4;
    let mut draws = Tensor::random(Shape::vector(count), 99).values.into_iter();
    let start = lay_out(states, arena, || draws.next().unwrap() * 0.2);
    let zeros = vec![0.0; start.len()];
    let half = (states.precision() == DType::F16).then(|| (ArenaPart::Half, zeros.clone()));
    [
        (ArenaPart::Value, start),
        (ArenaPart::Gradient, zeros.clone()),
        (ArenaPart::Moment1, zeros.clone()),
        (ArenaPart::Moment2, zeros),
    ]
    .into_iter()
    .chain(half)
    .map(|(part, words)| ((arena, part), words))
    .collect()
}

/// Eight numbers at a time where the device has 64-bit integers, loads lane by lane, and the
/// columns are a multiple of eight channels.
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

#[test]
fn a_weight_is_updated_from_maps_by_the_gradient_that_is_kept_nowhere() {
    updates_match_the_twin(MAPS.into_iter().step_by(3));
}

#[test]
#[ignore = "second tier: maps of every kind"]
fn every_weight_is_updated_from_maps_by_the_gradient_that_is_kept_nowhere() {
    updates_match_the_twin(MAPS.into_iter());
}

/// Three steps of the weight by the gradient of three pairs of maps. Those of its neighbours are
/// zero, and so are their moments.
fn updates_match_the_twin(cases: impl Iterator<Item = ContractionCase>) {
    let gpu = gpu();
    let cases = cases.flat_map(|case| [false, true].map(|transposed| (case, transposed)));
    let profiles = profiles(&gpu);
    for ((case, transposed), profile) in
        cases.flat_map(|case| profiles.iter().map(move |profile| (case, profile)))
    {
        let (large, small, _) = shapes(case);
        let mut tested = FromMapsCase::new(case, transposed, DType::F32);
        tested.around.profile = Some(profile.clone());
        let start = &tested.around.arenas[&(tested.arena, ArenaPart::Value)][tested.words.clone()];
        let mut expected: Vec<[f64; 3]> = start
            .iter()
            .map(|&value| [value.into(), 0.0, 0.0])
            .collect();
        let before = tested.others();
        for step in 1..=3 {
            let inputs = [
                Tensor::random(large, step as u32),
                Tensor::random(small, 10 + step as u32),
            ];
            let gradient = tested.gradient(case, &inputs);
            tested.around.step = StepState::new(7, step, LEARNING_RATE, BETAS);
            tested.around.arenas =
                run(&gpu, "adam", &tested.op, &inputs, step == 2, &tested.around).arenas;
            for (state, &g) in expected.iter_mut().zip(&gradient) {
                TWIN.update(state, g, step);
            }
            let name = format!("{case:?}, transposed {transposed}, after step {step}");
            tested.compare(&name, &expected, small.rows(), step);
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

/// In f16 the gradient is divided by the loss scale and the copy written. A power of two scales
/// without rounding.
#[test]
fn from_maps_in_f16_is_that_of_f32() {
    let gpu = gpu();
    if !precisions(&gpu, "adam from maps").contains(&DType::F16) {
        return;
    }
    let (half, after) = scaled_step(&gpu, None);
    let mut single = FromMapsCase::new(MAPS[3], true, DType::F32);
    let inputs = half_maps().map(|map| map.stored(DType::F32));
    single.around.arenas = run(&gpu, "adam", &single.op, &inputs, false, &single.around).arenas;
    for part in [ArenaPart::Value, ArenaPart::Moment1, ArenaPart::Moment2] {
        assert!(
            after.arenas[&(half.arena, part)] == single.around.arenas[&(single.arena, part)],
            "{part:?}"
        );
    }
    let weight = |part| &after.arenas[&(half.arena, part)][half.words.clone()];
    let rounded = DType::F16.decode(&DType::F16.encode(weight(ArenaPart::Value)));
    assert!(
        weight(ArenaPart::Half) == rounded,
        "the copy is the rounded value"
    );
    let words = &after.monitor[4..8];
    assert_eq!((f32::from_bits(words[0]), words[1]), (SCALE, 1));
}

/// Maps that are not finite move nothing and halve the loss scale.
#[test]
fn from_maps_in_f16_sees_an_overflow() {
    let gpu = gpu();
    if !precisions(&gpu, "adam from maps").contains(&DType::F16) {
        return;
    }
    for bad in [f32::INFINITY, f32::NAN] {
        let (half, after) = scaled_step(&gpu, Some(bad));
        assert!(
            after.arenas == half.around.arenas,
            "{bad:?} moved something"
        );
        let words = &after.monitor[4..8];
        assert_eq!(
            (f32::from_bits(words[0]), words[3]),
            (SCALE / 2.0, 1),
            "the scale is halved, a step skipped"
        );
    }
}

/// The loss scale of the tests in f16.
const SCALE: f32 = 4.0;

/// Large and small map of the tests in f16.
fn half_maps() -> [Tensor; 2] {
    let (large, small, _) = shapes(MAPS[3]);
    [Tensor::random(large, 1), Tensor::random(small, 2)].map(|map| map.stored(DType::F16))
}

/// One step in f16 from maps of which the gradient is scaled; its last number is replaced by `bad`.
fn scaled_step(gpu: &Gpu, bad: Option<f32>) -> (FromMapsCase, OpOutcome) {
    let scaling = Scaling {
        scale: SCALE,
        ..Default::default()
    };
    let mut half = FromMapsCase::new(MAPS[3], true, DType::F16);
    half.around.monitor = [&[0; 4][..], bytemuck::cast_slice(&[scaling])].concat();
    let mut scaled = half_maps();
    scaled[1]
        .values
        .iter_mut()
        .for_each(|value| *value *= SCALE);
    if let Some(bad) = bad {
        *scaled[1].values.last_mut().unwrap() = bad;
    }
    let after = run(gpu, "adam", &half.op, &scaled, false, &half.around);
    (half, after)
}
