// output = value in every logical element, zero in the pad lanes
//
// Layout: [rows, channels], NHWC with the channels padded to 4. Bindings: 0 params, 1 output.
// Grid: one thread a vec4, workgroups folded at 65535. Limits: rows * channels4 < 2^32.
// Caller: src/ops/elementwise/copy.rs, fill. Speed: bound by memory, 4 bytes an element.

alias Activation = vec4<f32>; // how activations are stored
const WORKGROUP: u32 = 64u;

struct Params {
    rows: u32,
    channels: u32,
    output_offset: u32, // in vec4s
    output_stride: u32,
    value: f32,
    pad_0: u32,
    pad_1: u32,
    pad_2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> output: array<Activation>;

@compute @workgroup_size(WORKGROUP)
fn fill(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = (group.y * 65535u + group.x) * WORKGROUP + lane;
    let channels4 = (params.channels + 3u) / 4u;
    if index >= params.rows * channels4 {
        return;
    }
    let row = index / channels4;
    let column = index % channels4;
    let channel = vec4<u32>(4u * column) + vec4<u32>(0u, 1u, 2u, 3u);
    let inside = channel < vec4<u32>(params.channels);
    let value = select(vec4<f32>(0.0), vec4<f32>(params.value), inside);
    output[params.output_offset + row * params.output_stride + column] = Activation(value);
}
