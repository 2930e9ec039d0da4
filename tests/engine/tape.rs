//! Recording: what the tape refuses, and how it names it.

use pix2pix::contraction::Geometry;
use pix2pix::ops::adam::{self, Adam};
use pix2pix::ops::batch_norm::{Groups, batch_norm, update_running_statistics};
use pix2pix::ops::conv2d::conv2d;
use pix2pix::ops::elementwise::{add, multiply, scale};
use pix2pix::ops::loss::{Loss, LossKind};
use pix2pix::state::{Init, StateList};
use pix2pix::tape::{LowerContext, Lowered, Op, ShapeError};
use pix2pix::tape::{Tape, TapeError};
use pix2pix::tensor::Shape;

const IMAGE: Shape = Shape::nhwc(1, 4, 4, 3);

const HALVE: Geometry = Geometry::new(4, 2, 1);

#[test]
fn a_shape_error_names_layer_operation_and_shapes() {
    let mut tape = Tape::default();
    let left = tape.input("left", IMAGE);
    let right = tape.input("right", Shape::nhwc(1, 4, 5, 3));
    tape.set_scope("generator.up3");
    let before = tape.nodes().len();
    let message = add(&mut tape, left, right).unwrap_err().to_string();
    for part in ["generator.up3: add", "[1, 4, 4, 3]", "[1, 4, 5, 3]"] {
        assert!(message.contains(part), "{message}");
    }
    let weight = tape.input("weight", Shape::hwio(4, 4, 5, 8));
    let message = conv2d(&mut tape, left, weight, None, HALVE)
        .unwrap_err()
        .to_string();
    for part in ["conv2d", "[1, 4, 4, 3]", "[4, 4, 5 in, 8 out]"] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(
        tape.nodes().len(),
        before + 1,
        "what is refused leaves no node"
    );
}

#[test]
fn a_state_is_one_node_until_it_is_overwritten_and_then_stale() {
    let mut states = StateList::default();
    let arena = states.arena("statistics", false);
    let [mean, var] = ["mean", "var"].map(|name| {
        states.add(
            arena,
            name.to_owned(),
            Shape::vector(3),
            Init::Constant(0.0),
        )
    });
    let mut tape = Tape::default();
    let running = [tape.state(&states, mean), tape.state(&states, var)];
    assert_eq!(tape.state(&states, mean), running[0]);
    let input = tape.input("input", IMAGE);
    let [weight, bias] = ["weight", "bias"].map(|name| tape.input(name, Shape::vector(3)));
    let (_, statistics) =
        batch_norm(&mut tape, input, [weight, bias], Groups::Batch, 1e-5).unwrap();
    update_running_statistics(&mut tape, statistics, running, 16, 0.1, 1e-5).unwrap();
    let error = scale(&mut tape, running[0], 2.0).unwrap_err();
    assert!(
        matches!(
            error,
            TapeError::Stale {
                op: "scale",
                state: 0
            }
        ),
        "{error}"
    );
    let again = tape.state(&states, mean);
    assert_ne!(again, running[0]);
    scale(&mut tape, again, 2.0).unwrap();
}

#[test]
fn an_optimiser_ends_every_weight_of_its_arena_and_no_other() {
    let mut states = StateList::default();
    let arenas = ["one", "other"].map(|name| states.arena(name, true));
    let ids =
        arenas.map(|arena| states.add(arena, "weight".to_owned(), IMAGE, Init::Constant(1.0)));
    let mut tape = Tape::default();
    let weights = ids.map(|id| tape.state(&states, id));
    let product = multiply(&mut tape, weights[0], weights[1], 1.0).unwrap();
    let loss = tape
        .record(
            Loss {
                kind: LossKind::Mse { target: 0.0 },
            },
            &[product],
        )
        .unwrap();
    let gradients = tape.backward(loss, &[weights[0]]).unwrap();
    adam::update(
        &mut tape,
        &states,
        Adam::new(arenas[0], [0.5, 0.999], 1e-8),
        &gradients,
    )
    .unwrap();
    assert_eq!(tape.state(&states, ids[1]), weights[1]);
    let error = tape.backward(loss, &[weights[1]]).unwrap_err();
    assert!(
        matches!(error, TapeError::Stale { op: "multiply", .. }),
        "a gradient that needs the old weight: {error}"
    );
}

#[test]
fn an_unconnected_value_is_refused() {
    let mut tape = Tape::default();
    let [used, unused] = ["used", "unused"].map(|name| tape.input(name, IMAGE));
    let loss = tape
        .record(
            Loss {
                kind: LossKind::Mse { target: 1.0 },
            },
            &[used],
        )
        .unwrap();
    let error = tape.backward(loss, &[used, unused]).unwrap_err();
    assert!(
        matches!(
            error,
            TapeError::Unconnected {
                result: "mse",
                shape: IMAGE,
                ..
            }
        ),
        "{error}"
    );
    let later = scale(&mut tape, used, 2.0).unwrap();
    assert!(
        matches!(
            tape.backward(loss, &[later]),
            Err(TapeError::Unconnected { .. })
        ),
        "recorded after the result"
    );
}

/// An operation that says nothing about its gradient.
#[derive(Debug)]
struct Opaque;

impl Op for Opaque {
    fn name(&self) -> &'static str {
        "opaque"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        Ok(inputs[0])
    }

    fn lower(&self, _: &LowerContext) -> Lowered {
        Lowered::default()
    }
}

#[test]
fn a_missing_gradient_rule_is_named_with_its_layer() {
    let mut tape = Tape::default();
    let input = tape.input("input", IMAGE);
    tape.set_scope("layer7");
    let output = tape.record(Opaque, &[input]).unwrap();
    tape.set_scope("");
    let loss = tape
        .record(
            Loss {
                kind: LossKind::Mse { target: 0.0 },
            },
            &[output],
        )
        .unwrap();
    let error = tape.backward(loss, &[input]).unwrap_err();
    assert!(
        matches!(
            &error,
            TapeError::NoGradient {
                op: "opaque",
                input: 0,
                ..
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("layer7: opaque"), "{error}");
}
