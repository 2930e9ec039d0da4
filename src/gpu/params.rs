//! Structs that Rust writes and WGSL reads, compared member by member.
//!
//! [`params!`](crate::params) declares a struct as `#[repr(C)]` and lists its members as WGSL sees
//! them. [`Interface`](super::Interface) lists the members of a shader's uniforms in the same form,
//! so that a test can compare the two lists for every kernel without a device.

use bytemuck::{Pod, Zeroable};

/// One member of a uniform struct.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name; a member of a nested struct is `OUTER.INNER`.
    pub name: String,
    /// Its first byte.
    pub offset: u32,
    /// Its type as WGSL writes it, for example `vec2<u32>`.
    pub wgsl_type: String,
}

/// A Rust type that a uniform struct can hold, and the structs themselves.
pub trait HostShareable {
    /// The members that a value of this type makes under `name` from byte `offset` on. The whole
    /// struct has the name `""` and the offset 0.
    fn members(name: &str, offset: usize) -> Vec<Member>;
}

fn one(name: &str, offset: usize, wgsl_type: String) -> Vec<Member> {
    vec![Member {
        name: name.to_owned(),
        offset: offset as u32,
        wgsl_type,
    }]
}

/// The name of the member `member` of what is called `outer`.
pub fn member_name(outer: &str, member: &str) -> String {
    if outer.is_empty() {
        member.to_owned()
    } else {
        format!("{outer}.{member}")
    }
}

macro_rules! scalar {
    ($($type:ident)*) => {$(
        impl HostShareable for $type {
            fn members(name: &str, offset: usize) -> Vec<Member> {
                one(name, offset, stringify!($type).to_owned())
            }
        }
    )*};
}

scalar!(u32 i32 f32);

impl HostShareable for [u32; 2] {
    fn members(name: &str, offset: usize) -> Vec<Member> {
        one(name, offset, "vec2<u32>".to_owned())
    }
}

impl<const N: usize> HostShareable for [[f32; 4]; N] {
    fn members(name: &str, offset: usize) -> Vec<Member> {
        one(name, offset, format!("array<vec4<f32>, {N}>"))
    }
}

/// Where an operand lies in its buffer. The member `input: OffsetStride` of a Rust struct is
/// `input_offset: u32, input_stride: u32` in WGSL, where a nested struct would be aligned to 16
/// bytes.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Pod, Zeroable)]
pub struct OffsetStride {
    /// Before the first element, in groups of four numbers unless the shader says otherwise.
    pub offset: u32,
    /// From one row (pixel) to the next, in the same unit.
    pub stride: u32,
}

impl OffsetStride {
    /// The same place in another unit.
    pub fn map(self, convert: impl Fn(u32) -> u32) -> Self {
        Self {
            offset: convert(self.offset),
            stride: convert(self.stride),
        }
    }
}

impl HostShareable for OffsetStride {
    fn members(name: &str, offset: usize) -> Vec<Member> {
        [("offset", 0), ("stride", 4)]
            .into_iter()
            .flat_map(|(part, bytes)| u32::members(&format!("{name}_{part}"), offset + bytes))
            .collect()
    }
}

/// `N` unused words at the end of a struct, which make its size a multiple of 16 bytes: `pad_0`,
/// `pad_1`, ... in WGSL.
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
pub struct Pad<const N: usize>([u32; N]);

impl<const N: usize> Default for Pad<N> {
    fn default() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> HostShareable for Pad<N> {
    fn members(name: &str, offset: usize) -> Vec<Member> {
        (0..N)
            .flat_map(|i| u32::members(&format!("{name}_{i}"), offset + 4 * i))
            .collect()
    }
}

/// Declares a struct that is the uniform of a kernel: `#[repr(C)]`, plain bytes, and
/// [`HostShareable`](crate::gpu::HostShareable). The WGSL struct has members of the same names,
/// offsets and types.
///
/// ```
/// pix2pix::params! {
///     /// Parameters of a kernel that scales.
///     struct Params {
///         rows: u32,
///         input: pix2pix::gpu::OffsetStride,
///         scale: f32,
///     }
/// }
/// use pix2pix::gpu::HostShareable;
/// assert_eq!(Params::members("", 0)[2].name, "input_stride");
/// ```
#[macro_export]
macro_rules! params {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            $($(#[$member_meta:meta])* $member_vis:vis $member:ident: $type:ty),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
        $vis struct $name {
            $($(#[$member_meta])* $member_vis $member: $type),*
        }

        impl $crate::gpu::HostShareable for $name {
            fn members(name: &str, offset: usize) -> Vec<$crate::gpu::Member> {
                let mut members = Vec::new();
                $(members.extend(<$type as $crate::gpu::HostShareable>::members(
                    &$crate::gpu::member_name(name, stringify!($member)),
                    offset + std::mem::offset_of!($name, $member),
                ));)*
                members
            }
        }
    };
}
