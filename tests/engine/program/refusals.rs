//! What cannot be planned or bound is refused with the name of its operation.

use super::{IMAGE, compile};
use pix2pix::contraction::Geometry;
use pix2pix::gpu::{KernelSpec, Pad, Profile, ShaderSource};
use pix2pix::ops::batch_norm::{RowPad, SelectRow};
use pix2pix::ops::conv2d::conv2d;
use pix2pix::ops::elementwise::scale;
use pix2pix::ops::image_pool::ImagePool;
use pix2pix::ops::window::Window;
use pix2pix::ops::{BatchPad, BatchSlice, ChannelPad, Concat, Slice};
use pix2pix::program::{Plan, ProgramError};
use pix2pix::state::{Init, StateList};
use pix2pix::tape::{Dispatch, LowerContext, Lowered, Op, ShapeError, Slot};
use pix2pix::tape::{Tape, Var};
use pix2pix::tensor::Shape;
use pix2pix_harness::gpu;

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
        let text = include_str!("../../../shaders/elementwise/scale.wgsl");
        let kernel = KernelSpec::new(ShaderSource::new("elementwise/scale", text));
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

fn assert_refused(op: &dyn Op, shapes: &[Shape]) {
    let found = op.output_shape(shapes);
    assert!(
        matches!(found, Err(ShapeError::Invalid { .. })),
        "{op:?}: {found:?}"
    );
}

/// A sum that runs over does not hide it, nor does a number of more than 32 bits.
#[test]
fn what_lies_outside_of_a_value_is_refused() {
    for start in [5, usize::MAX] {
        assert_refused(&Slice { start, channels: 2 }, &[IMAGE]);
        assert_refused(&BatchSlice { start, batch: 2 }, &[IMAGE]);
        for end in [5, 1 << 32] {
            let [channels, batch] = [end; 2];
            assert_refused(&ChannelPad { start, channels }, &[IMAGE]);
            assert_refused(&BatchPad { start, batch }, &[IMAGE]);
        }
        let pool = ImagePool {
            first: start,
            images_per_step: 5,
        };
        assert_refused(&pool, &[IMAGE, IMAGE]);
    }
    let pool = ImagePool {
        first: 0,
        images_per_step: 1,
    };
    assert_refused(&pool, &[IMAGE, IMAGE.with_batch(0)]);
    assert_refused(&SelectRow { row: 2 }, &[Shape::nhwc(1, 1, 2, 4)]);
    assert_refused(&RowPad { row: 2 }, &[Shape::nhwc(1, 1, 1, 4)]);
    assert_refused(&Window::crop(1 << 32, 0, 1, 1), &[IMAGE]);
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
