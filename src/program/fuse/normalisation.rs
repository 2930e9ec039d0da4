//! The rules about normalisations.

use super::{Fusion, leaky};
use crate::ops::Byproduct;
use crate::ops::activation::{Activate, ActivateBackward};
use crate::ops::batch_norm::{
    Affine, FusedNorm, GradAffine, GradInput, GradSums, MaskedGradInput, MaskedGradSums, NormGrad,
    Normalize, NormalizeActivate, RunningStatistics, Statistics, StatisticsOf,
};
use crate::tape::{Node, Source, Var};

/// A leaky ReLU of a normalised value, if nobody else reads that value.
pub(super) fn normalize_activate(fusion: &mut Fusion, node: usize) -> Option<()> {
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
pub(super) fn norm(fusion: &mut Fusion, node: usize) -> Option<()> {
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
pub(super) fn running_statistics(fusion: &mut Fusion, node: usize) -> Option<()> {
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
pub(super) fn mask_norm_gradients(fusion: &mut Fusion, node: usize) -> Option<()> {
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
pub(super) fn norm_gradients(fusion: &mut Fusion, node: usize) -> Option<()> {
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
