//! Dynamic loss scaling (Micikevicius et al. 2018, section 3.2): gradients of a loss times a power
//! of two do not vanish in 16-bit floats. A step whose gradients overflow leaves its network alone
//! and halves the scale; many good steps double it. The scale lives on the device, one for each
//! network, in the monitor: the host waits for nothing. As with PyTorch's `GradScaler`, only the
//! optimiser skips: running statistics, which belong to the forward pass, move in such a step too,
//! and Adam's bias corrections do not count it.

use crate::gpu::{KernelSpec, Pad, shader};
use crate::tape::Op;
use crate::tape::vector_width::{PER_THREAD, WORKGROUP};
use crate::tape::{Dispatch, LowerContext, Lowered, Slot};
use crate::tape::{MONITOR_COLUMNS, MONITOR_HEAD};
use crate::tape::{ShapeError, take};
use crate::tensor::Shape;
use bytemuck::{Pod, Zeroable};
use serde::{Deserialize, Serialize};

/// First word of the monitor that belongs to a loss scale.
const FIRST_WORD: usize = 4;
/// Words of one network's loss scale.
const WORDS: usize = size_of::<Scaling>() / 4;
/// Networks that the monitor has room for.
pub const MOST_SCALES: usize = (MONITOR_HEAD as usize - FIRST_WORD) / WORDS;
/// The monitor's column that stands for gradients which are not finite at a scale of 1.
pub const GRADIENT_COLUMN: usize = MONITOR_COLUMNS as usize - 1;

/// A network's loss scale, as it lies in the monitor.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable, Serialize, Deserialize)]
pub struct Scaling {
    /// The factor, a power of two.
    pub scale: f32,
    /// Steps since the last doubling or overflow.
    pub good_steps: u32,
    /// Whether the gradients of the step under way overflowed.
    pub overflow: u32,
    /// Steps that left the network alone.
    pub skipped_steps: u32,
}

impl Default for Scaling {
    fn default() -> Self {
        Self {
            scale: 65_536.0,
            good_steps: 0,
            overflow: 0,
            skipped_steps: 0,
        }
    }
}

/// The loss scale of network number `slot`, a scalar: what the gradient of its loss starts from.
#[derive(Debug, Clone, Copy)]
pub struct LossScale {
    /// Which network; see [`crate::state::StateList::trainable_index`].
    pub slot: usize,
}

crate::params! {
    struct ReadParams {
        word: u32,
        pad: Pad<3>,
    }
}

crate::params! {
    struct CheckParams {
        size: u32,
        word: u32,
        pad: Pad<2>,
    }
}

crate::params! {
    struct SettleParams {
        word: u32,
        flag: u32,
        pad: Pad<2>,
    }
}

/// Bytes that a thread of `check.wgsl` loads at a time: eight gradients.
const CHECKED_BYTES: u64 = 16;

/// First byte of a network's [`Scaling`] in the monitor.
pub fn monitor_offset(slot: usize) -> u64 {
    4 * u64::from(word(slot))
}

/// First word of a network's [`Scaling`] in the monitor.
pub(super) fn word(slot: usize) -> u32 {
    (FIRST_WORD + slot * WORDS) as u32
}

/// The launch that looks for an overflow in `bytes` bytes of network `slot`'s gradients,
/// `gradient`.
pub(super) fn check(slot: usize, gradient: Slot, bytes: u64) -> Dispatch {
    let size = (bytes / CHECKED_BYTES) as usize;
    let params = CheckParams {
        size: size as u32,
        word: word(slot),
        pad: Pad::default(),
    };
    let kernel = KernelSpec::new(shader!("loss_scale/check"));
    Dispatch::new(
        kernel,
        &params,
        vec![gradient, Slot::Monitor],
        size.div_ceil(WORKGROUP * PER_THREAD),
    )
}

/// The launch that moves network `slot`'s scale after its update.
pub(super) fn settle(slot: usize) -> Dispatch {
    let params = SettleParams {
        word: word(slot),
        flag: 1 + GRADIENT_COLUMN as u32,
        pad: Pad::default(),
    };
    Dispatch::new(
        KernelSpec::new(shader!("loss_scale/settle")),
        &params,
        vec![Slot::Step, Slot::Monitor],
        1,
    )
}

impl Op for LossScale {
    fn name(&self) -> &'static str {
        "loss_scale"
    }

    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let [] = take(inputs)?;
        match self.slot < MOST_SCALES {
            true => Ok(Shape::scalar()),
            false => Err(ShapeError::Invalid {
                what: "loss scale",
                shape: Shape::scalar(),
                remedy: "train at most three networks",
            }),
        }
    }

    fn lower(&self, _: &LowerContext) -> Lowered {
        let params = ReadParams {
            word: word(self.slot),
            pad: Pad::default(),
        };
        Dispatch::new(
            KernelSpec::new(shader!("loss_scale/read")),
            &params,
            vec![Slot::Monitor, Slot::Output],
            1,
        )
        .into()
    }

    fn is_precise(&self) -> bool {
        true
    }
}
