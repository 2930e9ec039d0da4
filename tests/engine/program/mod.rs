//! From tape to program: what is dropped, what can be read, and what programs of one store share.

mod refusals;
mod unchecked;
mod views;

use crate::values::{bits, inputs, number};
use pix2pix::contraction::Geometry;
use pix2pix::gpu::{Gpu, Profile};
use pix2pix::ops::conv2d::conv2d;
use pix2pix::ops::dropout::dropout;
use pix2pix::ops::elementwise::{add, scale};
use pix2pix::program::{Plan, Program, ProgramError, Store, rows};
use pix2pix::state::{Init, StateList};
use pix2pix::tape::{ArenaPart, StepState};
use pix2pix::tape::{Tape, Var};
use pix2pix::tensor::Shape;
use pix2pix::train::{Recording, Session};
use pix2pix_harness::config::small_config;
use pix2pix_harness::{Tensor, gpu};
use pollster::block_on;

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
        .map(|&output| block_on(program.read(gpu, output)).unwrap())
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
        outputs.map(|output| bits(&block_on(program.read(&gpu, output)).unwrap()))
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
    assert_eq!(block_on(program.read(&gpu, x)).unwrap(), values);
    assert_eq!(
        block_on(program.read(&gpu, output)).unwrap(),
        values.iter().map(|v| 4.0 * v).collect::<Vec<_>>()
    );
    for refused in [hidden, dead] {
        assert!(matches!(
            block_on(program.read(&gpu, refused)),
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
    block_on(store.initialise(&gpu, 1)).unwrap();
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
        block_on(program.read(&gpu, *output)).unwrap()
    };
    for values in [
        block_on(store.read(&gpu, id, ArenaPart::Value)).unwrap(),
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
        block_on(store.read(&gpu, id, ArenaPart::Gradient)).map(drop),
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
    block_on(session.store.initialise(&gpu, 1)).unwrap();
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
    block_on(gpu.wait()).unwrap();
    let states: u64 = session.store.states().bytes();
    assert!(
        before >= states + session.program().plan().bytes(),
        "the meter counts states and activations"
    );
}
