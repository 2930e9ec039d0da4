// output = scale * input, each value of the input at every pixel of its group, and with TOTAL in
// every channel
//
// Layout: input [groups][channels] or with TOTAL [groups][1]; output [groups][pixels][channels],
// NHWC; channels padded to 4, each operand with its own offset and row stride. Pad lanes of the
// output are masked to zero. Bindings: 0 params, 1 input, 2 output.
// Grid: one thread for PER_THREAD vec4s, workgroups folded at 65535. Limits: every index < 2^32.
// Caller: src/ops/reduction.rs, Broadcast. Speed: bound by memory, writes the output once.

alias Activation = vec4<f32>; // how activations are stored
const TOTAL: bool = false;
const WORKGROUP: u32 = 64u;
const PER_THREAD: u32 = 4u; // vec4s a thread

struct Params {
    rows: u32,
    channels: u32,
    pixels: u32, // of a group
    scale: f32,
    input_offset: u32, // offsets and strides count vec4s
    input_stride: u32,
    output_offset: u32,
    output_stride: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<Activation>;
@group(0) @binding(2) var<storage, read_write> output: array<Activation>;

@compute @workgroup_size(WORKGROUP)
fn broadcast(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = (wid.y * 65535u + wid.x) * WORKGROUP * PER_THREAD + lane;
    let channels4 = (params.channels + 3u) / 4u;
    for (var i = 0u; i < PER_THREAD; i++) {
        let index = first + i * WORKGROUP;
        if index >= params.rows * channels4 {
            return;
        }
        let row = index / channels4;
        let column = index % channels4;
        let group = params.input_offset + row / params.pixels * params.input_stride;
        var value = vec4<f32>(input[group + select(column, 0u, TOTAL)]);
        if TOTAL {
            value = vec4<f32>(value.x);
        }
        let channel = vec4<u32>(4u * column) + vec4<u32>(0u, 1u, 2u, 3u);
        let real = channel < vec4<u32>(params.channels);
        let result = select(vec4<f32>(0.0), params.scale * value, real);
        output[params.output_offset + row * params.output_stride + column] = Activation(result);
    }
}
