//! Members of structs as Rust lists them, against those of shaders.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use super::{HostShareable, Interface, Member, OffsetStride, Pad};

crate::params! {
    struct Inner {
        first: u32,
        pad: [u32; 2],
        last: f32,
    }
}

crate::params! {
    struct Params {
        inner: Inner,
        input: OffsetStride,
        sides: [u32; 2],
        matrix: [[f32; 4]; 3],
        top: i32,
        pad: Pad<3>,
    }
}

const MEMBERS: &str = "input_offset: u32, input_stride: u32, sides: vec2<u32>, \
                       matrix: array<vec4<f32>, 3>, top: i32, pad_0: u32, pad_1: u32, pad_2: u32";

fn of_shader(inner: &str, members: &str) -> Vec<Member> {
    let text = format!(
        "struct Inner {{ {inner} }}\n struct Params {{ inner: Inner, {members} }}\n\
         @group(0) @binding(0) var<uniform> params: Params;\n\
         @group(0) @binding(1) var<storage, read_write> output: array<i32>;\n\
         @compute @workgroup_size(1) fn copy() {{ output[0] = params.top; }}\n"
    );
    let interface = Interface::of("test/params", &text).expect("valid WGSL");
    interface.uniform(0).to_vec()
}

#[test]
fn a_difference_of_names_offsets_and_types_shows() {
    // The vec2 is aligned to 8 bytes in WGSL and to 4 in Rust, which must show as well.
    let aligned = "first: u32, pad: vec2<u32>, last: f32";
    let members = Params::members("", 0);
    assert_ne!(of_shader(aligned, MEMBERS), members);
    let packed = "first: u32, pad_0: u32, pad_1: u32, last: f32";
    let found = of_shader(packed, MEMBERS);
    assert_eq!(found[4..], members[3..]);
    assert_eq!(found[0], members[0]);
    for (from, to) in [("input_stride", "row_stride"), ("top: i32", "top: u32")] {
        let changed = MEMBERS.replace(from, to);
        let text = std::panic::catch_unwind(|| of_shader(packed, &changed));
        if let Ok(found) = text {
            assert_ne!(found[4..], members[3..], "{from}");
        }
    }
}
