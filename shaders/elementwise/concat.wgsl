// output[row] = left[row], then right[row], then zeros in the pad lanes: a concatenation that
// cannot be written in place
//
// Layout: all NHWC with the channels padded to 4. right starts inside a vec4 of the output when
// left's channels are no multiple of 4, so both are read as numbers; the output is vec4s.
// Bindings: 0 params, 1 left, 2 right, 3 output.
// Grid: one thread a vec4 of the output, workgroups folded at 65535.
// Limits: indices in numbers < 2^32, no side without channels.
// Caller: src/ops/elementwise/copy.rs, concat.
// Speed: bound by loads; every lane reads both sides, since a branch costs more on CPU adapters.

alias Activation = vec4<f32>; // how activations are stored
alias ActivationScalar = f32; // how activations are stored
const WORKGROUP: u32 = 64u;

struct Params {
    rows: u32,
    channels4: u32, // of the output
    left_channels: u32,
    right_channels: u32,
    left_offset: u32, // in floats
    left_stride: u32,
    right_offset: u32,
    right_stride: u32,
    output_offset: u32, // in vec4s
    output_stride: u32,
    pad_0: u32,
    pad_1: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> left: array<ActivationScalar>;
@group(0) @binding(2) var<storage, read> right: array<ActivationScalar>;
@group(0) @binding(3) var<storage, read_write> output: array<Activation>;

fn value(row: u32, channel: u32) -> f32 {
    let left_row = params.left_offset + row * params.left_stride;
    let here = f32(left[left_row + min(channel, params.left_channels - 1u)]);
    // Unsigned arithmetic wraps: a channel of the left side is a huge one of the right.
    let behind = channel - params.left_channels;
    let right_row = params.right_offset + row * params.right_stride;
    let there = f32(right[right_row + min(behind, params.right_channels - 1u)]);
    let right_or_zero = select(0.0, there, behind < params.right_channels);
    return select(right_or_zero, here, channel < params.left_channels);
}

@compute @workgroup_size(WORKGROUP)
fn concat(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = (group.y * 65535u + group.x) * WORKGROUP + lane;
    if index >= params.rows * params.channels4 {
        return;
    }
    let row = index / params.channels4;
    let column = index % params.channels4;
    let channel = 4u * column;
    let values = vec4<f32>(
        value(row, channel),
        value(row, channel + 1u),
        value(row, channel + 2u),
        value(row, channel + 3u),
    );
    output[params.output_offset + row * params.output_stride + column] = Activation(values);
}
