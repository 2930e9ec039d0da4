//! How many numbers a memory-bound kernel takes at a time: four, or eight as four 64-bit words.
//! Eight is for devices that load lane by lane. The kernel is the same; only the part changes, from
//! `shaders/parts/vec4.wgsl` to `vec8.wgsl`. `COALESCED`, the order of the threads, is here too.

use super::lower::{Operand, stored};
use crate::gpu::{DeviceClass, KernelSpec, Profile, ShaderSource};
use crate::tensor::{DType, Shape};

/// Threads of a workgroup of the shaders that stream through memory.
pub(crate) const WORKGROUP: usize = 64;
/// `vec4`s that a thread of such a shader handles.
pub(crate) const PER_THREAD: usize = 4;

/// Workgroups of a streaming shader over every `vec4` of `shape`, `PER_THREAD` of them a thread.
pub(crate) fn streaming_groups(shape: Shape) -> usize {
    VectorWidth::Four.streaming_groups(shape)
}

/// Numbers of an 8-wide load.
pub(crate) const VEC8: usize = 8;

/// Whether 8-wide kernels win on the device: it loads and stores lane by lane, and has words of 64
/// bits.
pub(crate) fn favours_8_wide(profile: &Profile) -> bool {
    profile.class == DeviceClass::Cpu && profile.int64
}

/// Threads that walk side by side through a range of memory: on a GPU the workgroup, on a CPU
/// adapter, which takes one subgroup after the other, the subgroup.
pub(crate) fn coalesced(profile: &Profile) -> usize {
    match (profile.class, profile.subgroup) {
        (DeviceClass::Cpu, Some(subgroup)) => (subgroup as usize).min(WORKGROUP),
        _ => WORKGROUP,
    }
}

/// How a kernel takes the channels of its operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VectorWidth {
    /// A `vec4` at a time.
    Four,
    /// Eight numbers at a time, for f32.
    Eight,
}

impl VectorWidth {
    /// The width for these operands, which have the same channels: eight where the channels are a
    /// multiple of eight and every operand lies at an even place.
    pub fn of(profile: &Profile, operands: &[Operand]) -> Self {
        let fits = |operand: &Operand| {
            operand.dtype == DType::F32
                && operand.shape.channels().is_multiple_of(VEC8)
                && operand.is_even()
        };
        if favours_8_wide(profile) && operands.iter().all(fits) {
            Self::Eight
        } else {
            Self::Four
        }
    }

    /// The kernel in this width.
    pub fn kernel(self, source: ShaderSource) -> KernelSpec {
        let kernel = KernelSpec::new(source);
        match self {
            Self::Four => kernel,
            Self::Eight => kernel.part("vec4", "vec8"),
        }
    }

    /// `vec4`s of a column, which is what a thread takes at a time.
    pub fn vectors(self) -> usize {
        match self {
            Self::Four => 1,
            Self::Eight => VEC8 / 4,
        }
    }

    /// Columns of a row of `shape`.
    fn columns(self, shape: Shape) -> usize {
        shape.channels4() / self.vectors()
    }

    /// Workgroups with a thread for each of the columns of `rows` rows.
    pub fn groups(self, rows: usize, shape: Shape) -> usize {
        (rows * self.columns(shape)).div_ceil(WORKGROUP)
    }

    /// The same with `PER_THREAD` of all rows of `shape` a thread.
    pub fn streaming_groups(self, shape: Shape) -> usize {
        (shape.rows() * self.columns(shape)).div_ceil(WORKGROUP * PER_THREAD)
    }
}

/// `kernel`, which takes numbers in either width, with its activations or gradients stored as
/// `dtype`.
pub(crate) fn vectors_stored(kernel: KernelSpec, dtype: DType) -> KernelSpec {
    stored(kernel, ["Stored", "StoredScalar"], dtype)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_at_a_time_is_for_lanes_and_multiples_of_eight() {
        let lanes = Profile {
            int64: true,
            class: DeviceClass::Cpu,
            ..Profile::portable()
        };
        let map = |channels| Operand::dense(Shape::nhwc(1, 3, 3, channels));
        let width = |profile: &Profile, operand| VectorWidth::of(profile, &[map(16), operand]);
        assert_eq!(width(&lanes, map(16)), VectorWidth::Eight);
        assert_eq!(
            (
                VectorWidth::Eight.columns(map(16).shape),
                VectorWidth::Eight.groups(33, map(16).shape)
            ),
            (2, 2)
        );
        for other in [
            map(12),
            Operand {
                dtype: DType::F16,
                ..map(16)
            },
            Operand {
                offset: 1,
                ..map(16)
            },
            Operand {
                stride: 5,
                ..map(16)
            },
        ] {
            assert_eq!(width(&lanes, other), VectorWidth::Four, "{other:?}");
        }
        for profile in [
            Profile {
                int64: false,
                ..lanes.clone()
            },
            Profile {
                class: DeviceClass::Gpu,
                ..lanes
            },
        ] {
            assert_eq!(width(&profile, map(16)), VectorWidth::Four);
        }
    }
}
