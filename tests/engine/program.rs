//! From tape to program: what is dropped, where values lie, what is refused, and what a run leaves.

use crate::values::{bits, inputs, number};
use pix2pix::contraction::Geometry;
use pix2pix::gpu::{Gpu, KernelSpec, Pad, Profile};
use pix2pix::ops::conv2d::conv2d;
use pix2pix::ops::dropout::dropout;
use pix2pix::ops::elementwise::{add, scale};
use pix2pix::ops::{Concat, Slice};
use pix2pix::program::{Plan, Program, ProgramError, Storage, Store, rows};
use pix2pix::shader;
use pix2pix::state::{Init, StateList};
use pix2pix::tape::{ArenaPart, Dispatch, LowerContext, Lowered, Op, ShapeError, Slot, StepState};
use pix2pix::tape::{Tape, Var};
use pix2pix::tensor::Shape;
use pix2pix::train::{Recording, Session};
use pix2pix_harness::config::small_config;
use pix2pix_harness::{Tensor, gpu};

const IMAGE: Shape = Shape::nhwc(1, 6, 5, 4);

fn step() -> StepState {
    StepState::new(3, 1, 2e-4, [0.5, 0.999])
}

/// The operations that launch something, by name.
fn launched(plan: &Plan) -> Vec<String> {
    rows(plan).into_iter().map(|row| row.op).collect()
}

fn plan(tape: &Tape, outputs: &[Var]) -> Plan {
    Plan::new(tape, &StateList::default(), outputs, &Profile::portable()).unwrap()
}

fn compile(gpu: &Gpu, tape: &Tape, outputs: &[Var]) -> Result<(Store, Program), ProgramError> {
    let store = Store::new(gpu, StateList::default(), false)?;
    let program = Program::compile(gpu, &store, tape, outputs)?;
    Ok((store, program))
}

/// Fills every input with values of its own and runs once.
fn run_on_random(gpu: &Gpu, tape: &Tape, outputs: &[Var]) -> Vec<Vec<f32>> {
    let (store, program) = compile(gpu, tape, outputs).unwrap();
    for (seed, (var, shape)) in inputs(tape).into_iter().enumerate() {
        program
            .write(gpu, var, &Tensor::random(shape, seed as u32 + 1).values)
            .unwrap();
    }
    program.run(gpu, &store, &step()).unwrap();
    outputs
        .iter()
        .map(|&output| program.read(gpu, output).unwrap())
        .collect()
}

#[test]
fn what_nobody_reads_is_dropped_and_what_writes_a_state_is_kept() {
    let mut tape = Tape::default();
    let x = tape.input("x", IMAGE);
    let dead = scale(&mut tape, x, 2.0).unwrap();
    add(&mut tape, dead, dead).unwrap();
    let output = scale(&mut tape, x, 3.0).unwrap();
    let plan = plan(&tape, &[output]);
    assert_eq!(launched(&plan), ["scale"]);
    assert!(plan.places[number(dead)].is_none());

    let Recording { states, tape, .. } = Recording::new(&small_config(32, 2)).unwrap();
    let plan = Plan::new(&tape, &states, &[], &Profile::portable()).unwrap();
    let ops = launched(&plan);
    let count = |name: &str| ops.iter().filter(|op| op.ends_with(name)).count();
    assert_eq!((count("adam"), count("watch")), (2, 3));
    // Seven norms in the generator at 5 downs (3 down, 4 up), three in the discriminator, which
    // runs twice: on fake and real pairs as one batch, then on fake ones.
    assert_eq!(count("running"), 7 + 2 * 3, "{ops:?}");
}

#[test]
fn a_concatenation_of_whole_vec4s_is_written_in_place() {
    let mut tape = Tape::default();
    let [x, y] = ["x", "y"].map(|name| tape.input(name, IMAGE));
    let parts = [
        scale(&mut tape, x, 2.0).unwrap(),
        scale(&mut tape, y, 3.0).unwrap(),
    ];
    let concat = tape.record(Concat, &parts).unwrap();
    let output = scale(&mut tape, concat, 5.0).unwrap();
    let plan = plan(&tape, &[output]);
    assert_eq!(launched(&plan), ["scale", "scale", "scale"], "no copy");
    let places = parts.map(|part| plan.places[number(part)].unwrap());
    assert_eq!(
        places.map(|place| place.storage),
        [Storage::Node(number(concat)); 2]
    );
    assert_eq!(places.map(|place| place.operand.offset), [0, 1]);
    assert_concatenates(&tape, [10.0, 15.0], output);
}

#[test]
fn a_concatenation_of_three_and_three_channels_is_copied() {
    let mut tape = Tape::default();
    let [x, y] = ["x", "y"].map(|name| tape.input(name, IMAGE.with_channels(3)));
    let parts = [
        scale(&mut tape, x, 2.0).unwrap(),
        scale(&mut tape, y, 3.0).unwrap(),
    ];
    let concat = tape.record(Concat, &parts).unwrap();
    let plan = plan(&tape, &[concat]);
    assert_eq!(launched(&plan), ["scale", "scale", "concat"]);
    assert_eq!(plan.steps[2].dispatches.len(), 1);
    assert_concatenates(&tape, [2.0, 3.0], concat);
}

/// The output is `factors[0] * x` and `factors[1] * y` side by side, where x and y are the only
/// inputs.
fn assert_concatenates(tape: &Tape, factors: [f32; 2], output: Var) {
    let gpu = gpu();
    let got = run_on_random(&gpu, tape, &[output]).remove(0);
    let inputs = inputs(tape);
    let channels = inputs[0].1.channels();
    let sides = [1, 2].map(|seed| Tensor::random(inputs[0].1, seed).values);
    for (i, &value) in got.iter().enumerate() {
        let (pixel, channel) = (i / (2 * channels), i % (2 * channels));
        let side = channel / channels;
        let expected = factors[side] * sides[side][pixel * channels + channel % channels];
        assert!(
            (value - expected).abs() <= 1e-6 * expected.abs(),
            "element {i}: {value} and {expected}"
        );
    }
}

#[test]
fn an_operand_of_two_concatenations_lies_in_one_and_is_copied_to_the_other() {
    let mut tape = Tape::default();
    let [x, y] = ["x", "y"].map(|name| tape.input(name, IMAGE));
    let [a, b, c] =
        [(x, 2.0), (y, 3.0), (y, 7.0)].map(|(var, factor)| scale(&mut tape, var, factor).unwrap());
    let first = tape.record(Concat, &[a, b]).unwrap();
    let second = tape.record(Concat, &[a, c]).unwrap();
    let plan = plan(&tape, &[first, second]);
    assert_eq!(
        launched(&plan).iter().filter(|op| *op == "concat").count(),
        1
    );
    assert_concatenates(&tape, [2.0, 3.0], first);
    assert_concatenates(&tape, [2.0, 7.0], second);
}

#[test]
fn an_operand_computed_from_the_other_is_not_written_beside_it() {
    let mut tape = Tape::default();
    let x = tape.input("x", IMAGE);
    let a = scale(&mut tape, x, 2.0).unwrap();
    let b = scale(&mut tape, a, 3.0).unwrap();
    let concat = tape.record(Concat, &[a, b]).unwrap();
    let gpu = gpu();
    let got = run_on_random(&gpu, &tape, &[concat]).remove(0);
    let values = Tensor::random(IMAGE, 1).values;
    let times =
        |factor: f32| move |pixel: &[f32]| pixel.iter().map(|v| factor * v).collect::<Vec<f32>>();
    let expected: Vec<f32> = values
        .chunks(4)
        .flat_map(|pixel| [times(2.0)(pixel), times(6.0)(pixel)].concat())
        .collect();
    assert_eq!(got, expected);
}

#[test]
fn an_aligned_slice_is_a_view_and_an_unaligned_one_a_copy() {
    let gpu = gpu();
    for (start, channels, copies) in [
        (0, 4, 0),
        (4, 4, 0),
        (8, 3, 0),
        (4, 3, 1),
        (1, 4, 1),
        (0, 11, 0),
    ] {
        let mut tape = Tape::default();
        let x = tape.input("x", IMAGE.with_channels(11));
        let whole = scale(&mut tape, x, 2.0).unwrap();
        let part = tape.record(Slice { start, channels }, &[whole]).unwrap();
        let output = scale(&mut tape, part, 0.5).unwrap();
        let slices = launched(&plan(&tape, &[output]))
            .iter()
            .filter(|op| *op == "slice")
            .count();
        assert_eq!(slices, copies, "{channels} channels from {start}");
        let values = Tensor::random(tape.shape(x), 1).values;
        let expected: Vec<f32> = values
            .chunks(11)
            .flat_map(|pixel| pixel[start..start + channels].to_vec())
            .collect();
        assert_eq!(
            run_on_random(&gpu, &tape, &[output])[0],
            expected,
            "{channels} channels from {start}"
        );
    }
}

pix2pix::params! {
    struct ClashParams {
        words: Pad<8>,
    }
}

/// An operation that reads and writes its own output.
#[derive(Debug)]
struct Clash;

impl Op for Clash {
    fn name(&self) -> &'static str {
        "clash"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        Ok(inputs[0])
    }

    fn lower(&self, _: &LowerContext) -> Lowered {
        let kernel = KernelSpec::new(shader!("elementwise/scale"));
        let params = ClashParams {
            words: Pad::default(),
        };
        Dispatch::new(kernel, &params, vec![Slot::Output, Slot::Output], 1).into()
    }
}

#[test]
fn a_conflict_of_bindings_names_the_operation() {
    let gpu = gpu();
    let mut tape = Tape::default();
    let x = tape.input("x", IMAGE);
    tape.set_scope("layer3");
    let output = tape.record(Clash, &[x]).unwrap();
    let error = compile(&gpu, &tape, &[output]).unwrap_err();
    assert!(
        matches!(
            &error,
            ProgramError::Conflict {
                first: 1,
                second: 2,
                ..
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("layer3: clash"), "{error}");
}

#[test]
fn a_value_too_large_to_bind_is_refused_with_its_operation() {
    let mut tape = Tape::default();
    let x = tape.input("x", IMAGE);
    tape.set_scope("layer4");
    let output = tape.record(Concat, &[x, x]).unwrap();
    let allowed = tape.shape(output).bytes() - 16;
    for profile in [
        Profile {
            max_binding_bytes: allowed,
            ..Profile::portable()
        },
        Profile {
            max_buffer_bytes: allowed,
            ..Profile::portable()
        },
    ] {
        let error = Plan::new(&tape, &StateList::default(), &[output], &profile).unwrap_err();
        assert!(
            matches!(error, ProgramError::TooLarge { allowed: a, .. } if a == allowed),
            "{error}"
        );
        assert!(
            error.to_string().contains("layer4: concat")
                && error.to_string().contains("[1, 6, 5, 8]"),
            "{error}"
        );
    }
    let enough = Profile {
        max_binding_bytes: allowed + 16,
        ..Profile::portable()
    };
    assert!(Plan::new(&tape, &StateList::default(), &[output], &enough).is_ok());
}

#[test]
fn an_optimiser_wants_one_computed_gradient_for_each_state() {
    let mut states = StateList::default();
    let arena = states.arena("net", true);
    let id = states.add(arena, "weight".to_owned(), IMAGE, Init::Constant(0.0));
    let adam = pix2pix::ops::adam::Adam::new(arena, [0.5, 0.999], 1e-8);
    let message = |gradients: &dyn Fn(&mut Tape) -> Vec<Var>| {
        let mut tape = Tape::default();
        let gradients = gradients(&mut tape);
        pix2pix::ops::adam::update(&mut tape, &states, adam.clone(), &gradients).unwrap();
        Plan::new(&tape, &states, &[], &Profile::portable())
            .unwrap_err()
            .to_string()
    };
    assert!(
        message(&|_| Vec::new()).contains("adam: gradient number 0 is one too many or missing")
    );
    assert!(
        message(&|tape| vec![tape.state(&states, id)]).contains("not the result of a computation")
    );
    let other = |tape: &mut Tape| {
        let x = tape.input("x", IMAGE.with_channels(8));
        vec![scale(tape, x, 2.0).unwrap()]
    };
    assert!(message(&other).contains("of another shape than its state"));
}

/// Fusion leaves to the planner what it must refuse: gradients of maps so small that the optimiser
/// would make them itself.
#[test]
fn an_optimiser_that_could_make_its_gradients_wants_them_in_order_and_once() {
    let mut states = StateList::default();
    let arena = states.arena("net", true);
    let geometry = Geometry::new(4, 2, 1);
    let mut add =
        |name: &str, shape| states.add(arena, name.to_owned(), shape, Init::Constant(0.0));
    let ids = [
        add("first", Shape::hwio(4, 4, 8, 4)),
        add("second", Shape::hwio(4, 4, 4, 8)),
    ];
    let plan = |order: &[usize], profile: &Profile| {
        let mut tape = Tape::default();
        let x = tape.input("x", Shape::nhwc(1, 4, 4, 8));
        let weights = ids.map(|id| tape.state(&states, id));
        let hidden = conv2d(&mut tape, x, weights[0], None, geometry).unwrap();
        let y = conv2d(&mut tape, hidden, weights[1], None, geometry).unwrap();
        let grad_output = tape.input("grad_output", tape.shape(y));
        let gradients = tape.backward_from(y, grad_output, &weights).unwrap();
        let given: Vec<Var> = order.iter().map(|&i| gradients[i]).collect();
        let adam = pix2pix::ops::adam::Adam::new(arena, [0.5, 0.999], 1e-8);
        pix2pix::ops::adam::update(&mut tape, &states, adam, &given).unwrap();
        Plan::new(&tape, &states, &[], profile)
            .map(|plan| (plan.without_gradient(arena).unwrap(), plan.gradients.len()))
            .map_err(|e| e.to_string())
    };
    for fusion in [true, false] {
        let profile = Profile {
            fusion,
            ..Profile::portable()
        };
        assert_eq!(
            plan(&[0, 1], &profile),
            Ok(if fusion {
                (ids.iter().rev().copied().collect(), 0)
            } else {
                (vec![], 1)
            })
        );
        for (order, expected) in [
            (&[1, 0][..], "of another shape than its state"),
            (&[0, 0], "of another shape than its state"),
            (&[0], "one too many or missing"),
            (&[0, 1, 1], "one too many or missing"),
        ] {
            let message = plan(order, &profile).unwrap_err();
            assert!(
                message.contains(expected),
                "fusion {fusion}, gradients {order:?}: {message}"
            );
        }
    }
}

#[test]
fn the_same_run_twice_gives_the_same_bits() {
    let gpu = gpu();
    let mut tape = Tape::default();
    let x = tape.input("x", Shape::nhwc(2, 16, 16, 3));
    let weight = tape.input("weight", Shape::hwio(4, 4, 3, 8));
    let y = conv2d(&mut tape, x, weight, None, Geometry::new(4, 2, 1)).unwrap();
    let y = dropout(&mut tape, y, 0.5, "layer").unwrap();
    let grad_output = tape.input("grad_output", tape.shape(y));
    let gradients = tape.backward_from(y, grad_output, &[x, weight]).unwrap();
    let outputs = [y, gradients[0], gradients[1]];
    let (store, program) = compile(&gpu, &tape, &outputs).unwrap();
    for (var, seed) in [(x, 1), (weight, 2), (grad_output, 3)] {
        program
            .write(&gpu, var, &Tensor::random(tape.shape(var), seed).values)
            .unwrap();
    }
    let run = |seed| {
        program
            .run(&gpu, &store, &StepState::new(seed, 4, 0.0, [0.5, 0.999]))
            .unwrap();
        outputs.map(|output| bits(&program.read(&gpu, output).unwrap()))
    };
    let first = run(1);
    assert_ne!(first, run(2), "another seed drops other values");
    assert_eq!(first, run(1));
}

#[test]
fn inputs_and_outputs_can_be_read_and_nothing_else() {
    let gpu = gpu();
    let mut tape = Tape::default();
    let x = tape.input("x", IMAGE);
    let hidden = scale(&mut tape, x, 2.0).unwrap();
    let output = scale(&mut tape, hidden, 2.0).unwrap();
    let dead = scale(&mut tape, x, 4.0).unwrap();
    let (store, program) = compile(&gpu, &tape, &[output]).unwrap();
    let values = Tensor::random(IMAGE, 1).values;
    program.write(&gpu, x, &values).unwrap();
    program.run(&gpu, &store, &step()).unwrap();
    assert_eq!(program.read(&gpu, x).unwrap(), values);
    assert_eq!(
        program.read(&gpu, output).unwrap(),
        values.iter().map(|v| 4.0 * v).collect::<Vec<_>>()
    );
    for refused in [hidden, dead] {
        assert!(matches!(
            program.read(&gpu, refused),
            Err(ProgramError::Absent { .. })
        ));
        assert!(matches!(
            program.write(&gpu, refused, &values),
            Err(ProgramError::Absent { .. })
        ));
    }
    let error = program.write(&gpu, x, &values[1..]).unwrap_err();
    assert!(
        matches!(
            error,
            ProgramError::Length {
                expected: 120,
                given: 119,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn programs_over_one_store_share_its_states() {
    let gpu = gpu();
    let mut states = StateList::default();
    let arena = states.arena("net", true);
    let id = states.add(
        arena,
        "weight".to_owned(),
        IMAGE,
        Init::Normal {
            mean: 0.0,
            std: 1.0,
        },
    );
    let store = Store::new(&gpu, states, true).unwrap();
    store.initialise(&gpu, 1).unwrap();
    let program = |factor| {
        let mut tape = Tape::default();
        let weight = tape.state(store.states(), id);
        let output = scale(&mut tape, weight, factor).unwrap();
        (
            Program::compile(&gpu, &store, &tape, &[output]).unwrap(),
            output,
        )
    };
    let programs = [program(2.0), program(-1.0)];
    let run = |(program, output): &(Program, Var)| {
        program.run(&gpu, &store, &step()).unwrap();
        program.read(&gpu, *output).unwrap()
    };
    for values in [
        store.read(&gpu, id, ArenaPart::Value).unwrap(),
        Tensor::random(IMAGE, 8).values,
    ] {
        store.write(&gpu, id, ArenaPart::Value, &values).unwrap();
        assert_eq!(
            run(&programs[0]),
            values.iter().map(|v| 2.0 * v).collect::<Vec<_>>()
        );
        assert_eq!(
            run(&programs[1]),
            values.iter().map(|v| -v).collect::<Vec<_>>()
        );
    }
    let refused = [
        store.write(&gpu, id, ArenaPart::Gradient, &[0.0; IMAGE.len()]),
        store.read(&gpu, id, ArenaPart::Gradient).map(drop),
    ];
    assert!(
        refused.iter().all(|result| result
            .as_ref()
            .is_err_and(|error| error.to_string().contains("Program::gradient"))),
        "{refused:?}"
    );
}

#[test]
fn nothing_is_allocated_after_compiling() {
    let gpu = gpu();
    let config = small_config(32, 2);
    let mut session = Session::new(&gpu, &config).unwrap();
    session.store.initialise(&gpu, 1).unwrap();
    let values = vec![0.5; 32 * 32 * 3];
    let batch = pix2pix::data::Batch {
        sides: (32, 32),
        input: values.clone(),
        target: values,
    };
    let before = gpu.memory_bytes();
    for step in 1..=3 {
        session.submit(&gpu, step, 2e-4, &batch).unwrap();
        assert_eq!(gpu.memory_bytes(), before);
    }
    gpu.wait().unwrap();
    let states: u64 = session.store.states().bytes();
    assert!(
        before >= states + session.program().plan().bytes(),
        "the meter counts states and activations"
    );
}
