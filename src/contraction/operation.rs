//! The contractions as operations. Each one's gradients are the other two, so what they are made
//! of stands here in one place; shape rule, gradient rule and launches of each are in the file of
//! its name under `src/ops/`.

use super::candidate::Candidate;
use super::geometry::Geometry;
use super::key::{ContractionKey, Family};
use super::table::choose;
use crate::tape::{LowerContext, Lowered, Op, Operand, ShapeError};
use crate::tensor::Shape;
use std::sync::Arc;

/// `[input, weight]` or `[input, weight, bias]` to `[batch, out_height, out_width, out_channels]`.
#[derive(Debug, Clone, Copy)]
pub struct Conv2d {
    /// Kernel, stride, padding.
    pub geometry: Geometry,
    /// Contract over the weight's last axis instead of the one before it.
    pub transposed_weight: bool,
}

/// `[input, weight]` or `[input, weight, bias]` to `[batch, out_height, out_width, out_channels]`.
#[derive(Debug, Clone, Copy)]
pub struct ConvTranspose2d {
    /// Kernel, stride, padding of the convolution that this transposes.
    pub geometry: Geometry,
    /// Rows of the output: a convolution maps several sizes to one, so the size cannot be derived.
    pub out_height: usize,
    /// Pixels of an output row.
    pub out_width: usize,
    /// Contract over the weight's last axis instead of the one before it.
    pub transposed_weight: bool,
    /// The name to print: a layer of its own, or the gradient of a convolution.
    pub name: &'static str,
}

/// `[large, small]` to `[kernel, kernel, large channels, small channels]`, or with the channels
/// swapped.
#[derive(Debug, Clone, Copy)]
pub struct Conv2dGradWeight {
    /// Kernel, stride, padding of the convolution from the large to the small map.
    pub geometry: Geometry,
    /// Write `[kernel, kernel, small channels, large channels]`: the weight of a transposed
    /// convolution.
    pub transposed_output: bool,
}

/// An operation whose kernel is one of several candidates.
pub trait Contraction: Op {
    /// What the choice depends on, for operands that lie so.
    fn key(&self, inputs: &[Operand], output: Operand) -> ContractionKey;

    /// The launches of this candidate, which must be one of the key's. The maps are read through
    /// leaky ReLUs of these slopes, by position among the inputs; 1 for none.
    fn lower_with(&self, candidate: Candidate, context: &LowerContext, slopes: [f32; 2])
    -> Lowered;

    /// The name to print where it reads a map through a leaky ReLU.
    fn activated_name(&self) -> &'static str;

    /// The launches of the candidate that [`choose`] picks, and which it is.
    fn lower_chosen(&self, context: &LowerContext, slopes: [f32; 2]) -> (Lowered, Choice) {
        let key = self.key(context.inputs, context.output);
        let candidate = choose(&key, context.profile);
        let kernel = candidate.name.clone();
        (
            self.lower_with(candidate, context, slopes),
            Choice { key, kernel },
        )
    }

    /// The key for f32 operands that lie densely.
    fn dense_key(&self, inputs: &[Shape], output: Shape) -> ContractionKey {
        let inputs: Vec<Operand> = inputs.iter().copied().map(Operand::dense).collect();
        self.key(&inputs, Operand::dense(output))
    }
}

/// Which kernel was chosen for which contraction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The contraction.
    pub key: ContractionKey,
    /// The candidate's name.
    pub kernel: String,
}

/// Slopes with which a contraction reads its maps as they are.
pub(crate) const UNCHANGED: [f32; 2] = [1.0; 2];

/// A contraction that reads its maps through a leaky ReLU, `x > 0 ? x : slope * x`, as fusion makes
/// it of one that reads what an activation made. Its kernel is chosen as without: what a map costs
/// is loading it.
#[derive(Debug, Clone)]
pub struct Activated {
    /// The contraction as it was recorded.
    pub contraction: Arc<dyn Contraction>,
    /// Slope of the negative side by position among the inputs; 1 for a map that is read as it is,
    /// and for weights.
    pub slopes: [f32; 2],
}

impl Activated {
    /// A contraction that reads its maps as they are.
    pub fn unchanged(contraction: impl Contraction) -> Self {
        Self {
            contraction: Arc::new(contraction),
            slopes: UNCHANGED,
        }
    }

    /// How many of a family's inputs, the first ones, are maps that may be read so.
    pub const fn maps(family: Family) -> usize {
        match family {
            Family::Conv2d | Family::ConvTranspose2d => 1,
            Family::Conv2dGradWeight => 2,
        }
    }

    /// The launches of one of the key's candidates.
    pub fn lower_with(&self, candidate: Candidate, context: &LowerContext) -> Lowered {
        self.contraction.lower_with(candidate, context, self.slopes)
    }

    /// The launches of the candidate that [`choose`] picks, and which it is.
    pub fn lower_chosen(&self, context: &LowerContext) -> (Lowered, Choice) {
        self.contraction.lower_chosen(context, self.slopes)
    }
}

impl Op for Activated {
    fn name(&self) -> &'static str {
        if self.slopes == UNCHANGED {
            self.contraction.name()
        } else {
            self.contraction.activated_name()
        }
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        self.contraction.output_shape(inputs)
    }

    fn lower(&self, context: &LowerContext) -> Lowered {
        self.lower_chosen(context).0
    }

    fn macs(&self, inputs: &[Shape], output: Shape) -> u64 {
        self.contraction.macs(inputs, output)
    }

    fn is_gradient(&self) -> bool {
        self.contraction.is_gradient()
    }
}
