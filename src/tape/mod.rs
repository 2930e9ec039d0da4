//! Floor 3: the tape, an append-only list of operations that can be read, differentiated and
//! compiled.
//!
//! Recording an operation checks its shapes and appends one [`Node`]; nothing runs.
//! [`Tape::backward`] walks the list from its end and appends the gradients as ordinary nodes, so a
//! gradient can be printed, compiled and differentiated like anything else. Nodes run in the order
//! in which they were recorded.

mod backward;
mod error;
mod lower;
mod op;
mod step_state;
pub(crate) mod vector_width;

pub use error::ShapeError;
pub(crate) use error::{same, take};
pub use lower::{ArenaPart, Dispatch, LowerContext, Lowered, MOST_UNUSED, Operand, Slot};
pub(crate) use lower::{activations, gradients, stored, weights};
pub use op::{Op, View};
pub use step_state::{MONITOR_BYTES, MONITOR_COLUMNS, MONITOR_HEAD, MONITOR_ROWS, StepState};

use crate::state::{ArenaId, StateId, StateList};
use crate::tensor::Shape;
use std::collections::HashMap;
use std::sync::Arc;
use thiserror::Error;

/// A value on a tape: the node that makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Var(pub(crate) usize);

/// What makes a value.
#[derive(Debug, Clone)]
pub enum Source {
    /// The host writes it before a run.
    Input(String),
    /// A parameter or statistic of the store, as it is when the node's turn comes.
    State(StateId),
    /// An operation.
    Op(Arc<dyn Op>),
}

/// One line of the tape.
#[derive(Debug, Clone)]
pub struct Node {
    /// What makes the value.
    pub source: Source,
    /// What it is made from.
    pub inputs: Vec<Var>,
    /// Its shape.
    pub shape: Shape,
    /// The layer that recorded it, for example `generator.down1`.
    pub scope: Arc<str>,
}

/// Errors of recording.
#[derive(Debug, Error)]
pub enum TapeError {
    /// Shapes that an operation cannot take.
    #[error("{scope}{op}: {source}")]
    Shape {
        /// The layer, with a colon.
        scope: String,
        /// The operation.
        op: &'static str,
        /// What is wrong with the shapes.
        source: ShapeError,
    },
    /// A value was read after a node had overwritten its state in place.
    #[error(
        "{op}: reads state {state} as it was before an update in place; record the state again \
         after the update"
    )]
    Stale {
        /// The reading operation.
        op: &'static str,
        /// The state's number.
        state: usize,
    },
    /// The result does not depend on a value that it was to be differentiated by.
    #[error("the result ({result}) does not depend on value {wrt} ({shape})")]
    Unconnected {
        /// Operation that made the result.
        result: &'static str,
        /// The value's number.
        wrt: usize,
        /// Its shape.
        shape: Shape,
    },
    /// An operation in the way has no rule for this gradient.
    #[error("{scope}{op} has no gradient rule for its input {input}")]
    NoGradient {
        /// The layer, with a colon.
        scope: String,
        /// The operation.
        op: &'static str,
        /// Position of the input.
        input: usize,
    },
}

/// The list.
#[derive(Debug, Clone, Default)]
pub struct Tape {
    nodes: Vec<Node>,
    scope: Arc<str>,
    /// The node that holds each state's present value, until the state is overwritten.
    current: HashMap<StateId, Var>,
}

impl Node {
    /// The operation's name, or `input` or `state`.
    pub fn name(&self) -> &'static str {
        match &self.source {
            Source::Input(_) => "input",
            Source::State(_) => "state",
            Source::Op(op) => op.name(),
        }
    }
}

impl Tape {
    /// A tape of ready nodes, each of which reads earlier ones only: for passes that rewrite a tape
    /// that is fully recorded.
    pub(crate) fn from_nodes(nodes: Vec<Node>) -> Self {
        Self {
            nodes,
            ..Self::default()
        }
    }

    /// Names the layer that the following nodes belong to.
    pub fn set_scope(&mut self, scope: &str) {
        self.scope = scope.into();
    }

    /// A value that the host writes before each run.
    pub fn input(&mut self, name: &str, shape: Shape) -> Var {
        self.append(Source::Input(name.to_owned()), Vec::new(), shape)
    }

    /// The present value of a parameter or statistic: the same node until an update in place ends
    /// its life, so that all uses of a weight add up to one gradient.
    pub fn state(&mut self, states: &StateList, id: StateId) -> Var {
        if let Some(&var) = self.current.get(&id) {
            return var;
        }
        let var = self.append(Source::State(id), Vec::new(), states.get(id).shape);
        self.current.insert(id, var);
        var
    }

    /// Records `op` on `inputs`.
    ///
    /// # Errors
    /// [`TapeError::Shape`] and [`TapeError::Stale`].
    pub fn record(&mut self, op: impl Op + 'static, inputs: &[Var]) -> Result<Var, TapeError> {
        let shapes: Vec<Shape> = inputs.iter().map(|&v| self.shape(v)).collect();
        let shape = op
            .output_shape(&shapes)
            .map_err(|source| TapeError::Shape {
                scope: self.prefix(),
                op: op.name(),
                source,
            })?;
        for &input in inputs {
            self.check_fresh(op.name(), input)?;
        }
        for &index in op.overwrites() {
            if let Source::State(id) = self.nodes[inputs[index].0].source {
                self.current.remove(&id);
            }
        }
        Ok(self.append(Source::Op(Arc::new(op)), inputs.to_vec(), shape))
    }

    /// Declares that the newest node overwrote every state of `arena`.
    pub fn end_arena(&mut self, states: &StateList, arena: ArenaId) {
        for state in states.in_arena(arena) {
            self.current.remove(&state.id);
        }
    }

    /// The shape of a value.
    pub fn shape(&self, var: Var) -> Shape {
        self.nodes[var.0].shape
    }

    /// Multiply-accumulates of a node, as [`Op::macs`] counts them.
    pub fn macs(&self, var: Var) -> u64 {
        let Node {
            source,
            inputs,
            shape,
            ..
        } = &self.nodes[var.0];
        let shapes: Vec<Shape> = inputs.iter().map(|&input| self.shape(input)).collect();
        match source {
            Source::Op(op) => op.macs(&shapes, *shape),
            _ => 0,
        }
    }

    /// All nodes in order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Another way to make a value of the same shape: for passes over a recorded tape.
    pub(crate) fn rewrite(&mut self, var: Var, op: impl Op, inputs: &[Var]) {
        let node = &mut self.nodes[var.0];
        node.source = Source::Op(Arc::new(op));
        node.inputs = inputs.to_vec();
    }

    fn check_fresh(&self, op: &'static str, input: Var) -> Result<(), TapeError> {
        match self.nodes[input.0].source {
            Source::State(id) if self.current.get(&id) != Some(&input) => {
                Err(TapeError::Stale { op, state: id.0 })
            }
            _ => Ok(()),
        }
    }

    fn append(&mut self, source: Source, inputs: Vec<Var>, shape: Shape) -> Var {
        self.nodes.push(Node {
            source,
            inputs,
            shape,
            scope: self.scope.clone(),
        });
        Var(self.nodes.len() - 1)
    }

    fn prefix(&self) -> String {
        if self.scope.is_empty() {
            String::new()
        } else {
            format!("{}: ", self.scope)
        }
    }
}
