// output = scale * (left + right)   or   output = scale * left * right
//
//   RIGHT 0  right has left's shape
//   RIGHT 1  right has one value a channel for each group of pixels
//   RIGHT 2  right has one value for each group of pixels
//
// Layout: left and output [rows, channels], NHWC with the channels padded to 4; right the same,
// [groups, channels] or [groups, 1]; each operand has its own offset and row stride. Pad lanes stay
// zero since those of both sides are.
// Bindings: 0 params, 1 left, 2 right, 3 output. Grid: one thread a vec4 of PER_THREAD, workgroups
// folded at 65535.
// RUN is as in adam/update.wgsl. Limits: rows * channels4 < 2^32. Bound by memory: 12 bytes an
// element, 8 where right is spread. Caller: ops/elementwise.rs, Binary.
// A change of the arithmetic is one of binary_wide.wgsl too.

alias Activation = vec4<f32>; // how activations are stored
alias Right = vec4<f32>; // how the right side is stored
const PRODUCT: bool = false; // multiply instead of add
const RIGHT: u32 = 0u;
const WORKGROUP: u32 = 64u;
const PER_THREAD: u32 = 4u; // vec4s a thread
const RUN: u32 = 64u; // threads side by side

struct Params {
    rows: u32,
    channels: u32,
    left_offset: u32, // offsets and strides count vec4s
    left_stride: u32,
    right_offset: u32,
    right_stride: u32,
    output_offset: u32,
    output_stride: u32,
    scale: f32,
    pixels: u32, // of a group
    pad_0: u32,
    pad_1: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> left: array<Activation>;
@group(0) @binding(2) var<storage, read> right: array<Right>;
@group(0) @binding(3) var<storage, read_write> output: array<Activation>;

fn right_of(row: u32, column: u32) -> vec4<f32> {
    if RIGHT == 0u {
        return vec4<f32>(right[params.right_offset + row * params.right_stride + column]);
    }
    let group = params.right_offset + row / params.pixels * params.right_stride;
    if RIGHT == 1u {
        return vec4<f32>(right[group + column]);
    }
    let channel = vec4<u32>(4u * column) + vec4<u32>(0u, 1u, 2u, 3u);
    return select(vec4<f32>(0.0), vec4<f32>(f32(right[group].x)), channel < vec4<u32>(params.channels));
}

@compute @workgroup_size(WORKGROUP)
fn binary(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = ((group.y * 65535u + group.x) * WORKGROUP + lane / RUN * RUN) * PER_THREAD + lane % RUN;
    let channels4 = (params.channels + 3u) / 4u;
    for (var i = 0u; i < PER_THREAD; i++) {
        let index = first + i * RUN;
        if index >= params.rows * channels4 {
            return;
        }
        let row = index / channels4;
        let column = index % channels4;
        let a = vec4<f32>(left[params.left_offset + row * params.left_stride + column]);
        let b = right_of(row, column);
        let result = params.scale * select(a + b, a * b, PRODUCT);
        output[params.output_offset + row * params.output_stride + column] = Activation(result);
    }
}
