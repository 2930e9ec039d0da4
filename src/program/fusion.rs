//! A tape that is being fused. It knows who reads which value, and keeps that up to date with every
//! node that is rewritten.

use super::place::live_nodes;
use crate::contraction::Activated;
use crate::ops::activation::{Activate, ActivateBackward, Activation};
use crate::ops::window::Window;
use crate::ops::{self, Concat};
use crate::state::{ArenaId, StateList};
use crate::tape::{Node, Source, Tape, Var};
use crate::tape::{Op, View};
use crate::tensor::Shape;
use std::any::Any;

/// A tape that is being fused.
pub struct Fusion<'a> {
    pub tape: Tape,
    pub states: &'a StateList,
    pub outputs: &'a [Var],
    /// By node, the live nodes that read its value, in order.
    pub readers: Vec<Vec<usize>>,
}

impl<'a> Fusion<'a> {
    /// A tape of which `outputs` are read.
    pub fn new(tape: &Tape, states: &'a StateList, outputs: &'a [Var]) -> Self {
        let mut fusion = Self {
            tape: tape.clone(),
            states,
            outputs,
            readers: vec![Vec::new(); tape.nodes().len()],
        };
        for (node, _) in live_nodes(tape, outputs)
            .iter()
            .enumerate()
            .filter(|(_, live)| **live)
        {
            fusion.begin_reading(node);
        }
        fusion
    }

    /// Whether a node is needed: by a reader, by the caller, or because it changes a state.
    fn is_live(&self, node: usize) -> bool {
        let has_effect =
            matches!(&self.tape.nodes()[node].source, Source::Op(op) if op.has_effect());
        has_effect || !self.readers[node].is_empty() || self.outputs.contains(&Var(node))
    }

    /// Adds a node to the readers of its inputs. An input that becomes live by this is added to its
    /// own inputs' readers too.
    fn begin_reading(&mut self, node: usize) {
        for input in self.tape.nodes()[node].inputs.clone() {
            let was_live = self.is_live(input.0);
            let readers = &mut self.readers[input.0];
            if let Err(place) = readers.binary_search(&node) {
                readers.insert(place, node);
            }
            if !was_live {
                self.begin_reading(input.0);
            }
        }
    }

    /// Removes a node from the readers of `input`. If nobody needs `input` any more, it is removed
    /// from its own inputs' readers too.
    fn end_reading(&mut self, node: usize, input: Var) {
        let was_live = self.is_live(input.0);
        self.readers[input.0].retain(|&reader| reader != node);
        if was_live && !self.is_live(input.0) {
            self.tape.nodes()[input.0]
                .inputs
                .clone()
                .into_iter()
                .for_each(|further| self.end_reading(input.0, further));
        }
    }

    /// The operation of a node whose value somebody reads.
    pub fn live(&self, node: usize) -> Option<&dyn Op> {
        let is_live = !self.readers[node].is_empty() || self.outputs.contains(&Var(node));
        match &self.tape.nodes()[node].source {
            Source::Op(op) if is_live => Some(op.as_ref()),
            _ => None,
        }
    }

    /// The same, if it is of this type.
    pub fn op<T: Op>(&self, node: usize) -> Option<&T> {
        (self.live(node)? as &dyn Any).downcast_ref()
    }

    /// The operation of a node that runs for its effect, if it is of this type.
    pub fn effect<T: Op>(&self, node: usize) -> Option<&T> {
        match &self.tape.nodes()[node].source {
            Source::Op(op) => (op.as_ref() as &dyn Any).downcast_ref(),
            _ => None,
        }
    }

    /// The contraction at a live node, with the slopes that it applies, if it reads the value of
    /// `map` only as a map.
    pub fn contraction(&self, node: usize, map: usize) -> Option<Activated> {
        let Node {
            source: Source::Op(op),
            inputs,
            shape,
            ..
        } = &self.tape.nodes()[node]
        else {
            return None;
        };
        let found = ops::contraction(op.as_ref())?;
        let shapes: Vec<Shape> = inputs.iter().map(|&input| self.tape.shape(input)).collect();
        let maps = Activated::maps(found.contraction.dense_key(&shapes, *shape).family);
        let is_map_alone = inputs
            .iter()
            .enumerate()
            .all(|(position, &input)| input != Var(map) || position < maps);
        is_map_alone.then_some(found)
    }

    /// Whether a node is a concatenation that only ReLUs and their gradients read, or a window that
    /// only such concatenations read.
    pub fn rectified(&self, node: usize) -> bool {
        if self.op::<Window>(node).is_some() {
            return !self.outputs.contains(&Var(node))
                && self.readers[node]
                    .iter()
                    .all(|&reader| self.rectified(reader));
        }
        let relu = Activation::LeakyRelu { slope: 0.0 };
        let asks_for_sign = |&reader: &usize| match self.op::<ActivateBackward>(reader) {
            Some(backward) => {
                backward.activation == relu && self.tape.nodes()[reader].inputs[0] != Var(node)
            }
            None => self
                .op::<Activate>(reader)
                .is_some_and(|op| op.activation == relu),
        };
        self.op::<Concat>(node).is_some()
            && !self.outputs.contains(&Var(node))
            && self.readers[node].iter().all(asks_for_sign)
    }

    pub fn inputs<const N: usize>(&self, node: usize) -> Option<[Var; N]> {
        self.tape.nodes()[node].inputs[..].try_into().ok()
    }

    /// The value that owns the memory of `var`: what it is a view of.
    fn root(&self, mut var: Var) -> Var {
        let nodes = self.tape.nodes();
        while let Source::Op(op) = &nodes[var.0].source
            && matches!(
                op.view(),
                Some(View::Alias | View::Slice { .. } | View::Images { .. })
            )
        {
            var = nodes[var.0].inputs[0];
        }
        var
    }

    /// The arena that a value lies in, for a state and views of it.
    pub fn arena(&self, var: Var) -> Option<ArenaId> {
        match self.tape.nodes()[self.root(var).0].source {
            Source::State(id) => Some(self.states.get(id).arena),
            _ => None,
        }
    }

    /// The only node that reads a value, unless the caller reads it too.
    pub fn only_reader(&self, node: usize) -> Option<usize> {
        match self.readers[node][..] {
            [reader] if !self.outputs.contains(&Var(node)) => Some(reader),
            _ => None,
        }
    }

    /// Whether `inputs` are known at node `first` and still the same at node `last`: nothing in
    /// between writes in place what they read.
    pub fn undisturbed(&self, inputs: &[Var], first: usize, last: usize) -> bool {
        let nodes = self.tape.nodes();
        let roots: Vec<Var> = inputs.iter().map(|&input| self.root(input)).collect();
        let is_state = |root: &Var| matches!(nodes[root.0].source, Source::State(_));
        let writes = |op: &dyn Op, node: usize| {
            op.updates_arena().is_some() && roots.iter().any(is_state)
                || op
                    .overwrites()
                    .iter()
                    .any(|&position| roots.contains(&nodes[node].inputs[position]))
        };
        let disturbs = |node: usize| match &nodes[node].source {
            Source::Op(op) => writes(op.as_ref(), node),
            _ => false,
        };
        inputs.iter().all(|input| input.0 < first) && !(first + 1..last).any(disturbs)
    }

    /// Puts another operation at a node. The new inputs are added before the old ones are removed,
    /// so that what leads to both stays live and is not walked through twice.
    pub fn rewrite(&mut self, node: usize, op: impl Op, inputs: &[Var]) {
        let old = if self.is_live(node) {
            self.tape.nodes()[node].inputs.clone()
        } else {
            Vec::new()
        };
        self.tape.rewrite(Var(node), op, inputs);
        let is_live = self.is_live(node);
        if is_live {
            self.begin_reading(node);
        }
        old.into_iter()
            .filter(|input| !is_live || !inputs.contains(input))
            .for_each(|input| self.end_reading(node, input));
    }
}
