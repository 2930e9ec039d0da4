//! From an operation to dispatches: plain data, made without a device.

use crate::gpu::{HostShareable, KernelSpec, Member, OffsetStride, Profile};
use crate::state::{ArenaId, StateList};
use crate::tensor::{DType, F32_BYTES, Shape};

/// A value's place inside its buffer, as kernels take it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operand {
    /// Logical shape.
    pub shape: Shape,
    /// How its numbers are stored.
    pub dtype: DType,
    /// Groups of four numbers before the first element.
    pub offset: u32,
    /// Groups of four numbers from one row (pixel) to the next.
    pub stride: u32,
}

impl Operand {
    /// A value in f32 that has its buffer for itself.
    pub fn dense(shape: Shape) -> Self {
        Self::stored(shape, DType::F32)
    }

    /// A value that has its buffer for itself.
    pub fn stored(shape: Shape, dtype: DType) -> Self {
        Self {
            shape,
            dtype,
            offset: 0,
            stride: shape.channels4() as u32,
        }
    }

    /// Its size in bytes, gaps between its rows not counted.
    pub fn bytes(&self) -> u64 {
        self.shape.bytes_in(self.dtype)
    }

    /// Bytes of its buffer up to its last number.
    pub fn end(&self) -> u64 {
        let last =
            self.offset as usize + self.shape.rows().saturating_sub(1) * self.stride as usize;
        ((last + self.shape.channels4()) * 4) as u64 * self.dtype.bytes()
    }

    /// Offset and stride, as parameter structs hold them.
    pub fn place(&self) -> OffsetStride {
        OffsetStride {
            offset: self.offset,
            stride: self.stride,
        }
    }

    /// Whether every row begins at an even group.
    pub fn is_even(&self) -> bool {
        self.offset.is_multiple_of(2) && self.stride.is_multiple_of(2)
    }

    /// The images `start .. start + batch` of it.
    pub fn images(&self, start: usize, batch: usize) -> Self {
        let rows = start * self.shape.height() * self.shape.width();
        Self {
            shape: self.shape.with_batch(batch),
            offset: self.offset + rows as u32 * self.stride,
            ..*self
        }
    }

    /// The logical values of this operand in the bytes of its buffer.
    pub fn gather(&self, bytes: &[u8]) -> Vec<f32> {
        let numbers = self.dtype.decode(bytes);
        let width = self.shape.channels4() * 4;
        let row_numbers = |row: usize| {
            let start = (self.offset as usize + row * self.stride as usize) * 4;
            numbers.get(start..start + width).unwrap_or_default()
        };
        let physical: Vec<f32> = (0..self.shape.rows())
            .flat_map(row_numbers)
            .copied()
            .collect();
        self.shape.unpack(&physical)
    }
}

/// What an operation may look at when it is lowered.
#[derive(Debug)]
pub struct LowerContext<'a> {
    /// The inputs' places.
    pub inputs: &'a [Operand],
    /// The output's place.
    pub output: Operand,
    /// The places of what it writes beside its output, by number; `None` for what nobody asks for.
    pub byproducts: &'a [Option<Operand>],
    /// The device.
    pub profile: &'a Profile,
    /// Parameters and statistics.
    pub states: &'a StateList,
}

impl LowerContext<'_> {
    /// The inputs' logical shapes.
    pub fn shapes(&self) -> Vec<Shape> {
        self.inputs.iter().map(|input| input.shape).collect()
    }
}

/// Parts of a trainable arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ArenaPart {
    /// The values.
    Value,
    /// The values as f16, for contractions: each state at half its offset.
    Half,
    /// The gradients, stored as the states' precision says.
    Gradient,
    /// Adam's first moment, or the velocity of gradient descent.
    Moment1,
    /// Adam's second moment.
    Moment2,
    /// The moving average of the values.
    Average,
}

impl ArenaPart {
    /// How its numbers are stored in an arena of states of this precision.
    pub const fn dtype(self, precision: DType) -> DType {
        match self {
            Self::Half => DType::F16,
            Self::Gradient => precision,
            Self::Value | Self::Moment1 | Self::Moment2 | Self::Average => DType::F32,
        }
    }

    /// Bytes of this part that belong to the first `bytes` bytes of the values.
    pub const fn bytes(self, bytes: u64, precision: DType) -> u64 {
        bytes * self.dtype(precision).bytes() / F32_BYTES
    }
}

/// `kernel` with its activations stored as `dtype`.
pub(crate) fn activations(kernel: KernelSpec, dtype: DType) -> KernelSpec {
    stored(kernel, ["Activation", "ActivationScalar"], dtype)
}

/// `kernel` with the weights of its contraction stored as `dtype`.
pub(crate) fn weights(kernel: KernelSpec, dtype: DType) -> KernelSpec {
    stored(kernel, ["Weight", "WeightScalar"], dtype)
}

/// `kernel` with the gradients of parameters that it writes stored as `dtype`.
pub(crate) fn gradients(kernel: KernelSpec, dtype: DType) -> KernelSpec {
    stored(kernel, ["Gradient", "GradientScalar"], dtype)
}

/// Replaces the aliases of one and of four numbers that the shader declares; a shader's own alias
/// is f32. Where it declares neither the kernel cannot be built: it was written for f32 alone.
pub(crate) fn stored(
    kernel: KernelSpec,
    [vector, scalar]: [&'static str; 2],
    dtype: DType,
) -> KernelSpec {
    if dtype == DType::F32 {
        return kernel;
    }
    let source = kernel.source;
    let kernel = if source.declares_alias(scalar) {
        kernel.alias(scalar, "f16")
    } else {
        kernel
    };
    if source.declares_alias(vector) || !source.declares_alias(scalar) {
        kernel.alias(vector, "vec4<f16>")
    } else {
        kernel
    }
}

/// Most unused bindings of one launch.
pub const MOST_UNUSED: usize = 4;

/// What a storage binding of a dispatch refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slot {
    /// An input by position.
    Input(usize),
    /// The output.
    Output,
    /// A value beside the output, by its number (see [`super::Op::byproduct`]).
    Byproduct(usize),
    /// A binding that the kernel's constants switch off. Any buffer does. Numbers, below
    /// [`MOST_UNUSED`], tell the unused bindings of one launch apart.
    Unused(usize),
    /// Memory that lives during this operation only.
    Scratch,
    /// The uniform that changes from step to step (WGSL struct `Step`, see [`super::StepState`]).
    Step,
    /// Flag and ring of the loss watch.
    Monitor,
    /// A byte range of an arena.
    Arena {
        /// Which arena.
        arena: ArenaId,
        /// Which part.
        part: ArenaPart,
        /// First byte.
        offset: u64,
        /// Length in bytes.
        bytes: u64,
    },
}

/// One kernel launch.
#[derive(Debug, Clone)]
pub struct Dispatch {
    /// Which kernel.
    pub kernel: KernelSpec,
    /// The bytes of its uniform at binding 0.
    pub params: Vec<u8>,
    /// The members of that uniform as Rust wrote them.
    pub members: fn() -> Vec<Member>,
    /// Bindings from number 1 on.
    pub slots: Vec<Slot>,
    /// Number of workgroups; see [`Dispatch::grid`].
    pub groups: u64,
}

/// Most workgroups of one dimension that every device takes.
const FOLD: u64 = 65_535;

impl Dispatch {
    /// A launch of `groups` workgroups of `kernel`.
    pub fn new<P: bytemuck::NoUninit + HostShareable>(
        kernel: KernelSpec,
        params: &P,
        slots: Vec<Slot>,
        groups: usize,
    ) -> Self {
        Self {
            kernel,
            params: bytemuck::bytes_of(params).to_vec(),
            members: || P::members("", 0),
            slots,
            groups: groups as u64,
        }
    }

    /// The grid: groups beyond 65 535 fold into a second dimension, and kernels compute
    /// `group = y * 65535 + x`.
    pub fn grid(&self) -> [u32; 3] {
        [
            self.groups.clamp(1, FOLD) as u32,
            self.groups.div_ceil(FOLD).max(1) as u32,
            1,
        ]
    }
}

/// All launches of an operation, in order.
#[derive(Debug, Clone, Default)]
pub struct Lowered {
    /// The launches.
    pub dispatches: Vec<Dispatch>,
    /// Bytes of scratch that they share.
    pub scratch_bytes: u64,
}

impl Lowered {
    /// The same launches with other slots: for an operation that is made of others.
    pub fn map_slots(mut self, map: impl Fn(Slot) -> Slot) -> Self {
        for slot in self
            .dispatches
            .iter_mut()
            .flat_map(|dispatch| &mut dispatch.slots)
        {
            *slot = map(slot.clone());
        }
        self
    }

    /// These launches, then those of `next`. Both use the same scratch, so `next` must not read
    /// what the first left there.
    pub fn then(mut self, next: Self) -> Self {
        self.dispatches.extend(next.dispatches);
        self.scratch_bytes = self.scratch_bytes.max(next.scratch_bytes);
        self
    }
}

impl From<Dispatch> for Lowered {
    fn from(dispatch: Dispatch) -> Self {
        Self {
            dispatches: vec![dispatch],
            ..Self::default()
        }
    }
}
