// output = scale * input
//
// Layout: both [rows, channels], NHWC with the channels padded to 4; each operand has its own
// offset and row stride. Bindings: 0 params, 1 input, 2 output.
// Grid: one thread for PER_THREAD vec4s, workgroups folded at 65535.
// Limits: rows * channels4 < 2^32.
// Caller: src/ops/elementwise/mod.rs, Scale. Speed: bound by memory, 8 bytes an element.

alias Activation = vec4<f32>; // how activations are stored
const WORKGROUP: u32 = 64u;
const PER_THREAD: u32 = 4u; // vec4s a thread

struct Params {
    rows: u32,
    channels4: u32,
    input_offset: u32, // offsets and strides count vec4s
    input_stride: u32,
    output_offset: u32,
    output_stride: u32,
    scale: f32,
    pad_0: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<Activation>;
@group(0) @binding(2) var<storage, read_write> output: array<Activation>;

@compute @workgroup_size(WORKGROUP)
fn scale(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = (group.y * 65535u + group.x) * WORKGROUP * PER_THREAD + lane;
    for (var i = 0u; i < PER_THREAD; i++) {
        let index = first + i * WORKGROUP;
        if index >= params.rows * params.channels4 {
            return;
        }
        let row = index / params.channels4;
        let column = index % params.channels4;
        let value = vec4<f32>(input[params.input_offset + row * params.input_stride + column]);
        let to = params.output_offset + row * params.output_stride + column;
        output[to] = Activation(params.scale * value);
    }
}
