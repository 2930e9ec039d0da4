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
use crate::ops::{Byproduct, Concat, Fill};
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
    let (op, slopes) = match fusion.op::<Activated>(node) {
        Some(activated) => (activated.contraction.as_ref() as &dyn Any, activated.slopes),
        None => (fusion.op::<Conv2dGradWeight>(node)? as &dyn Any, [1.0; 2]),
    };
    let gradient = *op.downcast_ref::<Conv2dGradWeight>()?;
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
    use crate::nn::{
        DropoutAt, Fit, Generator, GeneratorConfig, Mode, Norm as NormKind, PatchGan,
        PatchGanConfig, UNetConfig, Upsample,
    };
    use crate::tensor::Shape;
    use crate::train::{Networks, Objective, PairShape, Recipe, record_step};

    /// After each rewriting the readers that rules see are the true ones.
    #[test]
    fn readers_are_kept_as_they_are_on_the_fused_tape() {
        let norm = NormKind::Batch;
        let (dropout_at, upsample) = (DropoutAt::Pytorch, Upsample::Deconv);
        let sizes = UNetConfig {
            in_channels: 3,
            out_channels: 3,
            num_downs: 5,
            ngf: 4,
            norm,
            dropout: true,
            dropout_at,
            skips: true,
            upsample,
        };
        let mut states = StateList::default();
        let generator = &Generator::new(&mut states, &GeneratorConfig::UNet(sizes)).unwrap();
        let judge = PatchGan::new(
            &mut states,
            &PatchGanConfig {
                in_channels: 6,
                ndf: 4,
                n_layers: 3,
                norm,
            },
        )
        .unwrap();
        let networks = Networks {
            generator,
            discriminator: Some(&judge),
            pool: None,
        };
        let (images, recipe) = (
            Shape::nhwc(2, 32, 32, 3),
            Recipe {
                accumulate: 2,
                ..Recipe::default()
            },
        );
        let shape = PairShape {
            input: images,
            target: images,
            fit: Fit::Pad,
        };
        let mut tape = Tape::default();
        let vars = record_step(
            &mut tape,
            &states,
            &networks,
            shape,
            &Objective::default(),
            &recipe,
            &Mode::training(),
        )
        .unwrap();
        let outputs = [vars.fake];
        let fusion = fused(&tape, &states, &outputs);
        let rewritten = |(old, new): &(&Node, &Node)| old.name() != new.name();
        assert!(
            tape.nodes()
                .iter()
                .zip(fusion.tape.nodes())
                .filter(rewritten)
                .count()
                > 100
        );
        assert_eq!(
            fusion.readers,
            Fusion::new(&fusion.tape, &states, &outputs).readers
        );
    }
}
