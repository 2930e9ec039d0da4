//! Programs whose optimiser makes the gradients of small maps itself.

use super::{BETAS, EPS};
use pix2pix::contraction::Geometry;
use pix2pix::gpu::Profile;
use pix2pix::ops::adam::{Adam, update};
use pix2pix::ops::channel_sum::ChannelSum;
use pix2pix::ops::conv2d_grad_weight::Conv2dGradWeight;
use pix2pix::program::Plan;
use pix2pix::state::{Init, StateList};
use pix2pix::tape::{Tape, Var};
use pix2pix::tensor::{DType, Shape};

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
                geometry: Geometry::new(4, 2, 1),
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
