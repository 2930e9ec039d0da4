//! Floor 3: the operations. One file a family: shape rules, gradient rule, and the dispatches that
//! compute it; the family's shaders lie in the folder of the same name under `shaders/`, its tests
//! in the file of the same name under `kernels-tests/`.

mod optimizer;

pub mod activation;
pub mod adam;
pub mod batch_norm;
pub mod channel_sum;
pub mod conv2d;
pub mod conv2d_grad_weight;
pub mod conv_transpose2d;
pub mod dropout;
pub mod elementwise;
pub mod ema;
pub mod image_pool;
pub mod loss;
pub mod loss_scale;
pub mod monitor;
pub mod random;
pub mod reduction;
pub mod resample;
pub mod sgd;
pub mod window;

pub use elementwise::{Assemble, BatchPad, BatchSlice, ChannelPad};
pub use elementwise::{Byproduct, Concat, Detach, Slice};
pub use elementwise::{Fill, add};

use crate::contraction::{Activated, Contraction, Conv2d, Conv2dGradWeight, ConvTranspose2d};
use crate::tape::Op;
use std::any::Any;

/// The contraction that an operation is, with the slopes by which it reads its maps; `None` for
/// everything else.
pub fn contraction(op: &dyn Op) -> Option<Activated> {
    fn plain<T: Contraction + Clone>(op: &dyn Any) -> Option<Activated> {
        op.downcast_ref::<T>().cloned().map(Activated::unchanged)
    }
    let op = op as &dyn Any;
    (op.downcast_ref::<Activated>().cloned())
        .or_else(|| plain::<Conv2d>(op))
        .or_else(|| plain::<ConvTranspose2d>(op))
        .or_else(|| plain::<Conv2dGradWeight>(op))
}
