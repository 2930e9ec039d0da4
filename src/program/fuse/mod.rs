//! Fusion: a pass over the tape before it is planned. A node is rewritten into a fused operation.
//! The nodes that it replaces are dead code from then on. Values keep their numbers, and outputs
//! that the caller asked for stay readable.
//!
//! - [`read_activated`]: a leaky ReLU that only contractions read, and concatenations that only
//!   ReLUs read. The contractions read its input.
//! - [`mask_by_output`]: `leaky_relu_backward(grad, x)` where `y = leaky_relu(x)`. It becomes
//!   `leaky_relu_backward(grad, y)`: the sign is the same.
//! - [`normalize_activate`]: `leaky_relu(normalize(..))`. One launch writes the activated value.
//! - [`norm`]: statistics, and the normalisation by them. One operation, one launch on small maps.
//! - [`running_statistics`]: that operation, and the update of running statistics by it. One
//!   operation, one launch on small maps.
//! - [`mask_norm_gradients`]: a normalisation's gradients of `leaky_relu_backward(..)`. They apply
//!   the mask as they read.
//! - [`norm_gradients`]: the sums of a normalisation's gradients, and all that is made of them. One
//!   operation, one launch on small maps.
//! - [`constant`]: a constant times a constant. One constant.
//! - [`loss_gradient`]: a loss, and its gradient where that of the loss itself is a constant. One
//!   operation that reads once.
//! - [`gradient_from_maps`]: Adam, and a weight's gradient on small maps. Adam gets a launch that
//!   makes the gradient it consumes.
//!
//! The tape is differentiated before it is fused, so fused operations need no gradient rules. All
//! sums keep their order, except those of [`gradient_from_maps`]. A value that is no longer stored
//! is no longer rounded to its storage type.

mod normalisation;

use super::fusion::Fusion;
use crate::contraction::Activated;
use crate::ops::activation::{Activate, ActivateBackward, Activation};
use crate::ops::adam::{Adam, FromMaps};
use crate::ops::batch_norm::Normalize;
use crate::ops::conv2d_grad_weight::Conv2dGradWeight;
use crate::ops::elementwise::Scale;
use crate::ops::loss::{Loss, LossBackward, LossWithGradient};
use crate::ops::window::Window;
use crate::ops::{self, Byproduct, Concat, Fill};
use crate::state::StateList;
use crate::tape::Op;
use crate::tape::{Tape, Var};
use normalisation::{
    mask_norm_gradients, norm, norm_gradients, normalize_activate, running_statistics,
};
use std::any::Any;

/// A rule looks at one node and rewrites it and its neighbours if they match.
type Rule = fn(&mut Fusion, usize) -> Option<()>;

/// The most pixels of the small map, over the batch, for which [`gradient_from_maps`] lets the
/// optimiser make a gradient.
const MOST_PIXELS: usize = 4;

/// The order matters: later rules match what earlier ones make.
const RULES: [Rule; 10] = [
    read_activated,
    mask_by_output,
    normalize_activate,
    norm,
    running_statistics,
    mask_norm_gradients,
    norm_gradients,
    constant,
    loss_gradient,
    gradient_from_maps,
];

/// The tape after fusion by all rules; `outputs` stay readable.
pub fn fuse(tape: &Tape, states: &StateList, outputs: &[Var]) -> Tape {
    fused(tape, states, outputs).tape
}

fn fused<'a>(tape: &Tape, states: &'a StateList, outputs: &'a [Var]) -> Fusion<'a> {
    let mut fusion = Fusion::new(tape, states, outputs);
    for rule in RULES {
        for node in 0..tape.nodes().len() {
            // A rule that does not match leaves everything as it is.
            let _ = rule(&mut fusion, node);
        }
    }
    fusion
}

/// A leaky ReLU that only contractions read: they apply it as they load its input. A concatenation
/// of which only the positive part is read may hold the input too, since `relu(leaky_relu(x))` is
/// `relu(x)`. A window in front of it only moves pixels. The result of a normalisation is left out
/// here: its own launch activates it.
fn read_activated(fusion: &mut Fusion, node: usize) -> Option<()> {
    let slope = leaky(fusion.op::<Activate>(node)?.activation)?;
    let [value] = fusion.inputs(node)?;
    let readers = fusion.readers[node].clone();
    let takes =
        |&reader: &usize| fusion.contraction(reader, node).is_some() || fusion.rectified(reader);
    let fits = slope.is_finite()
        && fusion.op::<Normalize>(value.0).is_none()
        && !fusion.outputs.contains(&Var(node));
    (fits && readers.iter().all(takes) && fusion.undisturbed(&[value], node, *readers.last()?))
        .then_some(())?;
    for reader in readers {
        let inputs = fusion.tape.nodes()[reader].inputs.clone();
        let rewired: Vec<Var> = inputs
            .iter()
            .map(|&input| if input == Var(node) { value } else { input })
            .collect();
        match fusion.contraction(reader, node) {
            Some(Activated {
                contraction,
                mut slopes,
            }) => {
                let read = slopes
                    .iter_mut()
                    .zip(&inputs)
                    .filter(|&(_, &input)| input == Var(node));
                read.for_each(|(of_map, _)| *of_map = slope);
                fusion.rewrite(
                    reader,
                    Activated {
                        contraction,
                        slopes,
                    },
                    &rewired,
                );
            }
            None => match fusion.op::<Window>(reader).copied() {
                Some(window) => fusion.rewrite(reader, window, &rewired),
                None => fusion.rewrite(reader, Concat, &rewired),
            },
        }
    }
    Some(())
}

/// The gradient of a leaky ReLU asks for the sign of its input, which is that of its output.
fn mask_by_output(fusion: &mut Fusion, node: usize) -> Option<()> {
    let backward = *fusion.op::<ActivateBackward>(node)?;
    let [grad, value] = fusion.inputs(node)?;
    leaky(backward.activation)?;
    let forward = |&reader: &usize| {
        fusion
            .op::<Activate>(reader)
            .is_some_and(|op| op.activation == backward.activation)
    };
    let output = fusion.readers[value.0]
        .iter()
        .copied()
        .filter(|&reader| reader < node)
        .find(forward)?;
    fusion.rewrite(node, backward, &[grad, Var(output)]);
    Some(())
}

/// The gradient of a weighted loss begins as a constant.
fn constant(fusion: &mut Fusion, node: usize) -> Option<()> {
    let factor = fusion.op::<Scale>(node)?.scale;
    let [value] = fusion.inputs(node)?;
    let fill = *fusion.op::<Fill>(value.0)?;
    fusion.rewrite(
        node,
        Fill {
            value: factor * fill.value,
            ..fill
        },
        &[],
    );
    Some(())
}

/// A loss and its gradient read the same values.
fn loss_gradient(fusion: &mut Fusion, node: usize) -> Option<()> {
    let kind = fusion.op::<LossBackward>(node)?.kind;
    let inputs = fusion.tape.nodes()[node].inputs.clone();
    let (&grad_output, values) = inputs.split_last()?;
    let grad_output = fusion.op::<Fill>(grad_output.0)?.value;
    let is_loss = |&reader: &usize| {
        fusion.op::<Loss>(reader).is_some_and(|op| op.kind == kind)
            && fusion.tape.nodes()[reader].inputs == values
    };
    let loss = fusion.readers[values[0].0]
        .iter()
        .copied()
        .find(is_loss)
        .filter(|&loss| loss < node)?;
    fusion.undisturbed(values, loss, node).then_some(())?;
    fusion.rewrite(loss, LossWithGradient { kind, grad_output }, values);
    fusion.rewrite(
        node,
        Byproduct::new(0, fusion.tape.shape(Var(node)), false),
        &[Var(loss)],
    );
    Some(())
}

/// The gradient of a weight, if only the optimiser reads it and it is a sum over few pixels. The
/// optimiser makes it itself, and it is never stored.
fn gradient_from_maps(fusion: &mut Fusion, node: usize) -> Option<()> {
    let Activated {
        contraction,
        slopes,
    } = ops::contraction(fusion.live(node)?)?;
    let gradient = *(contraction.as_ref() as &dyn Any).downcast_ref::<Conv2dGradWeight>()?;
    let maps: [Var; 2] = fusion.inputs(node)?;
    let optimiser = fusion.only_reader(node)?;
    let mut adam = fusion.effect::<Adam>(optimiser)?.clone();
    let mut inputs = fusion.tape.nodes()[optimiser].inputs.clone();
    let position = inputs.iter().position(|&input| input == Var(node))?;
    let (state, _) = *fusion
        .states
        .packed(adam.arena, &adam.without_gradient())
        .get(position)?;
    // If the optimiser does not take it, the planner reports that.
    let is_taken = fusion.tape.shape(Var(node)) == state.shape
        && inputs.iter().filter(|&&input| input == Var(node)).count() == 1;
    // No launch may read the arena that it writes.
    let is_apart = maps.iter().all(|&map| fusion.arena(map).is_none())
        && fusion.undisturbed(&maps, node, optimiser);
    (is_taken && is_apart && fusion.tape.shape(maps[1]).rows() <= MOST_PIXELS).then_some(())?;
    adam.from_maps.push(FromMaps {
        state: state.id,
        gradient,
        slopes,
    });
    inputs.remove(position);
    inputs.extend(maps);
    fusion.rewrite(optimiser, adam, &inputs);
    Some(())
}

/// The slope of a leaky ReLU whose output has the sign of its input.
fn leaky(activation: Activation) -> Option<f32> {
    match activation {
        Activation::LeakyRelu { slope } if slope >= 0.0 => Some(slope),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::contraction::Geometry;
    use crate::ops::activation::activate;
    use crate::ops::adam::update;
    use crate::ops::batch_norm::{Groups, batch_norm, update_running_statistics};
    use crate::ops::conv_transpose2d::conv_transpose2d;
    use crate::ops::conv2d::conv2d;
    use crate::ops::elementwise::scale;
    use crate::ops::loss::LossKind;
    use crate::state::{ArenaId, Init, StateId};
    use crate::tape::Node;
    use crate::tensor::Shape;

    const CHANNELS: usize = 8;
    const HALVE: Geometry = Geometry::new(4, 2, 1);
    const EPS: f32 = 1e-5;

    /// A network that is being recorded.
    struct TestNetwork {
        tape: Tape,
        states: StateList,
        weights: ArenaId,
        statistics: ArenaId,
        trained: Vec<StateId>,
    }

    impl TestNetwork {
        fn new() -> Self {
            let mut states = StateList::default();
            Self {
                tape: Tape::default(),
                weights: states.arena("weights", true),
                statistics: states.arena("statistics", false),
                states,
                trained: Vec::new(),
            }
        }

        fn state(&mut self, arena: ArenaId, shape: Shape) -> Var {
            let name = self.states.states().len().to_string();
            let id = self.states.add(arena, name, shape, Init::Constant(0.5));
            if arena == self.weights {
                self.trained.push(id);
            }
            self.tape.state(&self.states, id)
        }

        fn weight(&mut self, from: usize, to: usize) -> Var {
            self.state(self.weights, Shape::hwio(4, 4, from, to))
        }

        /// Normalises, and lets the running statistics follow.
        fn norm(&mut self, input: Var) -> Var {
            let vector = Shape::vector(CHANNELS);
            let affine = [self.weights; 2].map(|arena| self.state(arena, vector));
            let running = [self.statistics; 2].map(|arena| self.state(arena, vector));
            let (output, stats) =
                batch_norm(&mut self.tape, input, affine, Groups::Batch, EPS).unwrap();
            let count = self.tape.shape(input).rows();
            update_running_statistics(&mut self.tape, stats, running, count, 0.1, EPS).unwrap();
            output
        }

        fn activate(&mut self, input: Var, slope: f32) -> Var {
            activate(&mut self.tape, input, Activation::LeakyRelu { slope }).unwrap()
        }

        /// Half of a U-Net's map, what `depth` further halvings make of it, and the whole again
        /// beside the map.
        fn block(&mut self, input: Var, depth: usize) -> Var {
            let activated = self.activate(input, 0.2);
            let weight = self.weight(CHANNELS, CHANNELS);
            let mut inner = conv2d(&mut self.tape, activated, weight, None, HALVE).unwrap();
            let mut channels = CHANNELS;
            if depth > 0 {
                inner = self.norm(inner);
                inner = self.block(inner, depth - 1);
                channels *= 2;
            }
            let rectified = self.activate(inner, 0.0);
            let weight = self.weight(channels, CHANNELS);
            let doubled = conv_transpose2d(&mut self.tape, rectified, weight, None, HALVE).unwrap();
            let normalised = self.norm(doubled);
            // Beside a value that is activated here alone, for the rule of normalisations.
            let normalised = self.activate(normalised, 0.1);
            self.tape.record(Concat, &[activated, normalised]).unwrap()
        }

        /// Records a step of training by the distance of `output` to a target, the loss.
        fn train(&mut self, output: Var) -> Var {
            let target = self.tape.input("target", self.tape.shape(output));
            let kind = LossKind::L1;
            let loss = self.tape.record(Loss { kind }, &[output, target]).unwrap();
            let weighted = scale(&mut self.tape, loss, 100.0).unwrap();
            let parameters: Vec<Var> = (self.trained.iter())
                .map(|&id| self.tape.state(&self.states, id))
                .collect();
            let gradients = self.tape.backward(weighted, &parameters).unwrap();
            let adam = Adam::new(self.weights, [0.5, 0.999], 1e-8);
            update(&mut self.tape, &self.states, adam, &gradients).unwrap();
            loss
        }
    }

    /// After each rewriting the readers that rules see are the true ones.
    #[test]
    fn readers_are_kept_as_they_are_on_the_fused_tape() {
        let mut network = TestNetwork::new();
        let input = network
            .tape
            .input("input", Shape::nhwc(1, 32, 32, CHANNELS));
        let joined = network.block(input, 4);
        let outputs = [joined, network.train(joined)];
        let fusion = fused(&network.tape, &network.states, &outputs);
        let made: Vec<&str> = fusion.tape.nodes().iter().map(Node::name).collect();
        for name in [
            "activation+conv_transpose2d",
            "activation+conv2d_grad_weight",
            "norm+leaky_relu+running",
            "leaky_relu_backward+norm_backward",
            "l1+backward",
        ] {
            assert!(made.contains(&name), "no {name} among {made:?}");
        }
        let adam = fusion.effect::<Adam>(network.tape.nodes().len() - 1);
        assert!(!adam.unwrap().from_maps.is_empty());
        assert_eq!(
            fusion.readers,
            Fusion::new(&fusion.tape, &network.states, &outputs).readers
        );
    }
}
