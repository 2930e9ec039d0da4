// output[row, output_start + c] = input[row, input_start + c] for c < channels, and 0 for channels
// <= c < padded
//
// Layout: both NHWC with the channels padded to 4. One number a thread, since the two channel
// ranges may start at any channel: this is the copy for concatenations and slices that cannot be
// views. Bindings: 0 params, 1 input, 2 output.
// Grid: one thread a number, workgroups folded at 65535. Limits: rows * padded < 2^32.
// Caller: src/ops/elementwise/copy.rs, copy_channels. Speed: bound by memory, one number a load.

alias ActivationScalar = f32; // how activations are stored
const WORKGROUP: u32 = 64u;

struct Params {
    rows: u32,
    channels: u32,
    padded: u32, // channels, or more where this range ends the output's row: the rest are pad lanes
    input_offset: u32, // offsets and strides count numbers
    input_stride: u32,
    output_offset: u32,
    output_stride: u32,
    pad_0: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<ActivationScalar>;
@group(0) @binding(2) var<storage, read_write> output: array<ActivationScalar>;

@compute @workgroup_size(WORKGROUP)
fn copy(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = (group.y * 65535u + group.x) * WORKGROUP + lane;
    if index >= params.rows * params.padded {
        return;
    }
    let row = index / params.padded;
    let channel = index % params.padded;
    var value = ActivationScalar(0.0);
    if channel < params.channels {
        value = input[params.input_offset + row * params.input_stride + channel];
    }
    output[params.output_offset + row * params.output_stride + channel] = value;
}
