//! Operands as they lie in memory: marked NaNs between two guards, and the values in their places.

use pix2pix::tape::Operand;
use pix2pix::tensor::{DType, Layout, Shape};

/// A quiet NaN that no arithmetic produces, in each type.
const fn mark(dtype: DType) -> u32 {
    match dtype {
        DType::F32 => 0x7fc0_dead,
        DType::F16 => 0x7ead,
    }
}

/// Guard in front of and behind every operand, in groups of four numbers; a multiple of every
/// device's offset alignment.
const GUARD: usize = 64;

/// Bytes of a guard.
pub const fn guard_bytes(dtype: DType) -> u64 {
    GUARD as u64 * 4 * dtype.bytes()
}

/// Images as slices of something wider; weights, vectors and scalars always lie densely. Slices
/// whose channels are multiples of eight begin at an even place, for kernels that read eight
/// numbers at a time, and others at an odd one.
pub fn place(shape: Shape, dtype: DType, sliced: bool) -> Operand {
    let dense = Operand::stored(shape, dtype);
    let is_image = shape.layout() == Layout::Nhwc && shape.rows() > 1;
    let offset = 2 + dense.stride % 2;
    if sliced && is_image {
        Operand {
            offset,
            stride: dense.stride + 2,
            ..dense
        }
    } else {
        dense
    }
}

/// Guard, marked NaNs with the operand's values in their places, guard.
pub fn framed(operand: &Operand, values: Option<&[f32]>) -> Vec<u8> {
    let dtype = operand.dtype;
    let numbers = frame_length(operand);
    let size = dtype.bytes() as usize;
    let mut bytes: Vec<u8> = mark(dtype).to_le_bytes()[..size].repeat(numbers);
    if let Some(values) = values {
        let width = operand.shape.channels4() * 4;
        for (row, packed) in operand.shape.pack(values).chunks(width).enumerate() {
            let start = first_number(operand, row) * size;
            bytes[start..start + width * size].copy_from_slice(&dtype.encode(packed));
        }
    }
    bytes
}

/// The logical values; fails where a guard or a gap was written or a pad lane is not zero.
pub fn unframed(name: &str, what: &str, operand: &Operand, bytes: &[u8]) -> Vec<f32> {
    let dtype = operand.dtype;
    let width = operand.shape.channels4() * 4;
    let size = dtype.bytes() as usize;
    let numbers = dtype.decode(bytes);
    let mut physical = Vec::with_capacity(operand.shape.rows() * width);
    let mut untouched = vec![true; frame_length(operand)];
    for row in 0..operand.shape.rows() {
        let start = first_number(operand, row);
        physical.extend(&numbers[start..start + width]);
        untouched[start..start + width].fill(false);
    }
    for (i, _) in untouched.iter().enumerate().filter(|&(_, &guard)| guard) {
        let kept = bytes[i * size..][..size] == mark(dtype).to_le_bytes()[..size];
        assert!(
            kept,
            "{name}: {what}: guard number {i} of {} was overwritten",
            untouched.len()
        );
    }
    let logical = operand.shape.unpack(&physical);
    let pads_are_zero = operand
        .shape
        .pack(&logical)
        .iter()
        .zip(&physical)
        .all(|(a, b)| a == b);
    assert!(
        logical.iter().any(|v| v.is_nan()) || pads_are_zero,
        "{name}: {what}: a pad lane is not zero"
    );
    logical
}

/// Numbers of an operand's buffer with its guards.
fn frame_length(operand: &Operand) -> usize {
    (2 * GUARD + operand.offset as usize + operand.shape.rows() * operand.stride as usize) * 4
}

fn first_number(operand: &Operand, row: usize) -> usize {
    (GUARD + operand.offset as usize + row * operand.stride as usize) * 4
}
