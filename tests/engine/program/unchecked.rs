//! Kernels run without checks of indices only where this crate derives their parameters.

use super::IMAGE;
use pix2pix::gpu::Profile;
use pix2pix::ops::elementwise::Scale;
use pix2pix::program::Plan;
use pix2pix::state::StateList;
use pix2pix::tape::{LowerContext, Lowered, Op, ShapeError, Tape};
use pix2pix::tensor::Shape;
use pix2pix_harness::gpu;

/// A caller's operation that launches a kernel of this crate.
#[derive(Debug)]
struct Callers;

impl Op for Callers {
    fn name(&self) -> &'static str {
        "callers"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        Ok(inputs[0])
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        Scale { scale: 2.0 }.lower(context)
    }
}

#[test]
fn kernels_of_a_callers_operation_check_their_indices() {
    let mut tape = Tape::default();
    let x = tape.input("x", IMAGE);
    let own = tape.record(Scale { scale: 3.0 }, &[x]).unwrap();
    let callers = tape.record(Callers, &[own]).unwrap();
    let plan = Plan::new(
        &tape,
        &StateList::default(),
        &[callers],
        &Profile::portable(),
    )
    .unwrap();
    let kernels = plan.steps.iter().flat_map(|step| &step.dispatches);
    let kernels: Vec<_> = kernels.map(|dispatch| &dispatch.kernel).collect();
    let unchecked: Vec<bool> = kernels.iter().map(|kernel| kernel.is_unchecked()).collect();
    assert_eq!(unchecked, [true, false]);

    let gpu = gpu();
    let kernel = gpu.kernel(kernels[0]).unwrap();
    assert!(
        !kernel.spec().is_unchecked(),
        "a kernel that a caller asks for"
    );
}
