//! Adam over several steps with given gradients: the parameters and both moments after each.

use crate::case::GoldenCase;
use crate::checks::Checks;
use crate::problem::Problem;
use pix2pix::gpu::Gpu;
use pix2pix::ops::adam::{self, Adam};
use pix2pix::ops::elementwise::Scale;
use pix2pix::program::{Program, Store};
use pix2pix::state::{Init, StateList};
use pix2pix::tape::Tape;
use pix2pix::tape::{ArenaPart, StepState};
use pix2pix::tensor::Shape;
use pollster::block_on;

/// Runs all steps of a case.
pub fn run(gpu: &Gpu, case: &GoldenCase) -> Result<Checks, Problem> {
    case.require(
        "weight_decay",
        0.0,
        "the reference trains without weight decay, so Adam has none",
    )?;
    if case.switch("amsgrad") {
        return Err(Problem::Skip(
            "the reference trains without amsgrad, so Adam has none".into(),
        ));
    }
    let (betas, eps) = (case.betas()?, case.number("eps")? as f32);
    let initial = case.tensor("param0")?;
    let shape = Shape::vector(initial.values.len());
    let mut states = StateList::default();
    let arena = states.arena("parameters", true);
    let state = states.add(arena, "parameter".into(), shape, Init::Constant(0.0));
    let mut tape = Tape::default();
    let given = tape.input("gradient", shape);
    // An optimiser takes computed gradients only, because they are written straight into the arena.
    let gradient = tape.record(Scale { scale: 1.0 }, &[given])?;
    adam::update(
        &mut tape,
        &states,
        Adam::new(arena, betas, eps),
        &[gradient],
    )?;
    let store = Store::new(gpu, states, true)?;
    store.write(gpu, state, ArenaPart::Value, &initial.f32())?;
    let program = Program::compile(gpu, &store, &tape, &[])?;

    let rates = case.numbers("lr_per_step")?;
    let mut checks = Checks::default();
    for step in 1..=case.count("steps")? {
        let rate = rates
            .get(step - 1)
            .copied()
            .map_or_else(|| case.number("lr"), Ok)?;
        program.write(gpu, given, &case.tensor(&format!("step{step}.grad"))?.f32())?;
        program.run(gpu, &store, &StepState::new(0, step as u64, rate, betas))?;
        for (what, part) in [
            ("param", ArenaPart::Value),
            ("m", ArenaPart::Moment1),
            ("v", ArenaPart::Moment2),
        ] {
            let role = format!("step{step}.{what}");
            if case.has(&role) {
                checks.layer(
                    &role,
                    &block_on(store.read(gpu, state, part))?,
                    &case.reference(&role)?,
                )?;
            }
        }
    }
    Ok(checks)
}
