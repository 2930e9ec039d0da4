//! Fusion: a pass over the tape before it is planned. A node is rewritten into a fused operation.
//! The nodes that it replaces are dead code from then on. Values keep their numbers, and outputs
//! that the caller asked for stay readable.
//!
//! | rule | of | becomes |
//! |---|---|---|
//! | [`read_activated`] | a leaky ReLU that only contractions read, and concatenations that only ReLUs read | they read its input |
//! | [`mask_by_output`] | `leaky_relu_backward(grad, x)` where `y = leaky_relu(x)` | `leaky_relu_backward(grad, y)`: the sign is the same |
//! | [`normalize_activate`] | `leaky_relu(normalize(..))` | one launch that writes the activated value only |
//! | [`norm`] | statistics, and the normalisation by them | one operation, one launch on small maps |
//! | [`running_statistics`] | that operation, and the update of running statistics by it | one operation, one launch on small maps |
//! | [`mask_norm_gradients`] | a normalisation's gradients of `leaky_relu_backward(..)` | they apply the mask as they read |
//! | [`norm_gradients`] | the sums of a normalisation's gradients, and all that is made of them | one operation, one launch on small maps |
//! | [`constant`] | a constant times a constant | one constant |
//! | [`loss_gradient`] | a loss, and its gradient where that of the loss itself is a constant | one operation that reads once |
//! | [`gradient_from_maps`] | Adam, and a weight's gradient on small maps | Adam with a launch that makes the gradient it consumes |
//!
//! The tape is differentiated before it is fused, so fused operations need no gradient rules. All
//! sums keep their order, except those of [`gradient_from_maps`]. A value that is no longer stored
//! is no longer rounded to its storage type.

use super::fusion::Fusion;
use crate::contraction::Activated;
use crate::ops::activation::{Activate, ActivateBackward, Activation};
use crate::ops::adam::{Adam, FromMaps};
use crate::ops::batch_norm::{
    Affine, FusedNorm, GradAffine, GradInput, GradSums, MaskedGradInput, MaskedGradSums, NormGrad,
    Normalize, NormalizeActivate, RunningStatistics, Statistics, StatisticsOf,
};
use crate::ops::conv2d_grad_weight::Conv2dGradWeight;
use crate::ops::elementwise::Scale;
use crate::ops::loss::{Loss, LossBackward, LossWithGradient};
use crate::ops::window::Window;
use crate::ops::{self, Byproduct, Concat, Fill};
use crate::state::StateList;
use crate::tape::Op;
use crate::tape::{Node, Source, Tape, Var};
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

/// A leaky ReLU of a normalised value, if nobody else reads that value.
fn normalize_activate(fusion: &mut Fusion, node: usize) -> Option<()> {
    let slope = leaky(fusion.op::<Activate>(node)?.activation)?;
    let [value] = fusion.inputs(node)?;
    let normalize = *fusion.op::<Normalize>(value.0)?;
    let inputs = fusion.tape.nodes()[value.0].inputs.clone();
    (fusion.only_reader(value.0) == Some(node) && fusion.undisturbed(&inputs, value.0, node))
        .then_some(())?;
    fusion.rewrite(node, NormalizeActivate { normalize, slope }, &inputs);
    Some(())
}

/// Statistics, with the normalisation that uses them. Others may read the statistics too.
fn norm(fusion: &mut Fusion, node: usize) -> Option<()> {
    let statistics = *fusion.op::<Statistics>(node)?;
    let [input] = fusion.inputs(node)?;
    let slope = |reader: usize| match fusion.op::<NormalizeActivate>(reader) {
        Some(fused) => Some((fused.normalize.from, fused.slope)),
        None => fusion.op::<Normalize>(reader).map(|op| (op.from, 1.0)),
    };
    let normalized =
        |&reader: &usize| slope(reader).is_some_and(|(from, _)| from == StatisticsOf::Input);
    let output = fusion.readers[node].iter().copied().find(normalized)?;
    let (_, slope) = slope(output)?;
    let inputs = fusion.tape.nodes()[output].inputs.clone();
    let [image, _, affine @ ..] = &inputs[..] else {
        return None;
    };
    (*image == input && fusion.undisturbed(affine, node, output)).then_some(())?;
    let op = FusedNorm {
        statistics,
        affine: !affine.is_empty(),
        slope,
        running: None,
    };
    fusion.rewrite(node, op, &[&[input], affine].concat());
    fusion.rewrite(
        output,
        Byproduct::new(0, fusion.tape.shape(Var(output)), false),
        &[Var(node)],
    );
    Some(())
}

/// The update of running statistics by those of a normalisation. No node between the two may read
/// what is updated, or have an effect such as raising the flag that stops the update. And no launch
/// may read the arena that it writes.
fn running_statistics(fusion: &mut Fusion, node: usize) -> Option<()> {
    let running = *fusion.effect::<RunningStatistics>(node)?;
    let [stats, mean, var] = fusion.inputs(node)?;
    let norm = *fusion.op::<FusedNorm>(stats.0)?;
    let between = &fusion.tape.nodes()[stats.0 + 1..node];
    let has_effect = |source: &Source| matches!(source, Source::Op(op) if op.has_effect());
    let is_apart = |other: &Node| {
        !has_effect(&other.source) && !other.inputs.contains(&mean) && !other.inputs.contains(&var)
    };
    let written = fusion.arena(mean)?;
    let reads_it = fusion.tape.nodes()[stats.0]
        .inputs
        .iter()
        .any(|&input| fusion.arena(input) == Some(written));
    let fits = !reads_it
        && norm.running.is_none()
        && norm.statistics.eps == running.eps
        && [mean, var].iter().all(|state| state.0 < stats.0);
    (fits && between.iter().all(is_apart)).then_some(())?;
    let inputs = [&fusion.tape.nodes()[stats.0].inputs[..], &[mean, var]].concat();
    fusion.rewrite(
        stats.0,
        FusedNorm {
            running: Some(running),
            ..norm
        },
        &inputs,
    );
    // Nobody reads an update, so the node that is left here is dead.
    fusion.rewrite(
        node,
        Byproduct::new(1, fusion.tape.shape(Var(node)), false),
        &[stats],
    );
    Some(())
}

/// Gradients of a normalisation, if nobody else reads the masked gradient of the leaky ReLU behind
/// it.
fn mask_norm_gradients(fusion: &mut Fusion, node: usize) -> Option<()> {
    let slope = leaky(fusion.op::<ActivateBackward>(node)?.activation)?;
    let [grad, value] = fusion.inputs(node)?;
    let readers = fusion.readers[node].clone();
    let reads_it_once = |&reader: &usize| {
        let inputs = &fusion.tape.nodes()[reader].inputs;
        let is_gradient =
            fusion.op::<GradSums>(reader).is_some() || fusion.op::<GradInput>(reader).is_some();
        is_gradient && inputs[0] == Var(node) && !inputs[1..].contains(&Var(node))
    };
    (!readers.is_empty()
        && !fusion.outputs.contains(&Var(node))
        && readers.iter().all(reads_it_once))
    .then_some(())?;
    for reader in readers {
        let inputs = [&[grad], &fusion.tape.nodes()[reader].inputs[1..], &[value]].concat();
        match fusion.op::<GradInput>(reader).copied() {
            Some(grad) => fusion.rewrite(reader, MaskedGradInput { grad, slope }, &inputs),
            None => fusion.rewrite(reader, MaskedGradSums { slope }, &inputs),
        }
    }
    Some(())
}

/// The sums behind a normalisation's gradients, if all of its gradients are asked for, or only that
/// of the input.
fn norm_gradients(fusion: &mut Fusion, node: usize) -> Option<()> {
    let slope = match fusion.op::<MaskedGradSums>(node) {
        Some(sums) => Some(sums.slope),
        None => fusion.op::<GradSums>(node).map(|_| None)?,
    };
    let readers = fusion.readers[node].clone();
    let find = |is: &dyn Fn(usize) -> bool| readers.iter().copied().find(|&reader| is(reader));
    let affine_of = |of| {
        find(&|reader| {
            fusion
                .op::<GradAffine>(reader)
                .is_some_and(|op| op.of == of)
        })
    };
    let grad_input = find(&|reader| {
        fusion.op::<GradInput>(reader).is_some() || fusion.op::<MaskedGradInput>(reader).is_some()
    })?;
    let gradients = [
        Some(grad_input),
        affine_of(Affine::Weight),
        affine_of(Affine::Bias),
    ];
    let all = gradients.iter().flatten().count() == readers.len()
        && gradients[1].is_some() == gradients[2].is_some();
    (all && !fusion.outputs.contains(&Var(node))).then_some(())?;

    let (sums, inputs) = (
        fusion.tape.nodes()[node].inputs.clone(),
        fusion.tape.nodes()[grad_input].inputs.clone(),
    );
    let ([grad, input, stats, value @ ..], [grad_again, stats_again, input_again, _, rest @ ..]) =
        (&sums[..], &inputs[..])
    else {
        return None;
    };
    let same =
        [grad, stats, input] == [grad_again, stats_again, input_again] && rest.ends_with(value);
    let last = gradients.iter().flatten().copied().max()?;
    (same && fusion.undisturbed(rest, node, last)).then_some(())?;
    let affine = rest.len() > value.len();
    fusion.rewrite(
        node,
        NormGrad { affine, slope },
        &[&[*grad, *input, *stats], rest].concat(),
    );
    for (number, gradient) in gradients.into_iter().enumerate() {
        if let Some(gradient) = gradient {
            fusion.rewrite(
                gradient,
                Byproduct::new(number, fusion.tape.shape(Var(gradient)), number > 0),
                &[Var(node)],
            );
        }
    }
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
    use crate::tensor::Shape;

    const CHANNELS: usize = 8;
    const HALVE: Geometry = Geometry::new(4, 2, 1);
    const EPS: f32 = 1e-5;

    /// A network that is being recorded.
    struct Network {
        tape: Tape,
        states: StateList,
        weights: ArenaId,
        statistics: ArenaId,
        trained: Vec<StateId>,
    }

    impl Network {
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

        /// Records a step of training by the distance of `output` to a target.
        fn train(&mut self, output: Var) {
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
        }
    }

    /// After each rewriting the readers that rules see are the true ones.
    #[test]
    fn readers_are_kept_as_they_are_on_the_fused_tape() {
        let mut network = Network::new();
        let input = network
            .tape
            .input("input", Shape::nhwc(1, 32, 32, CHANNELS));
        let joined = network.block(input, 4);
        network.train(joined);
        let outputs = [joined];
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
