// output = scale * (input + shift)^(halves / 2): roots, reciprocals and squares, as products of the
// base, or of its reciprocal, and one square root, so that no driver is asked for an exponential
//
// Layout: both [rows, channels], NHWC with the channels padded to 4; each operand has its own
// offset and row stride. Pad lanes of the output are masked to zero.
// Bindings: 0 params, 1 input, 2 output.
// Grid: one thread for PER_THREAD vec4s, workgroups folded at 65535.
// Limits: rows * channels4 < 2^32.
// Caller: src/ops/elementwise/power.rs, Power. Speed: bound by memory, 8 bytes an element.

alias Activation = vec4<f32>; // how activations are stored
const ROOTS: u32 = 1u; // |halves|
const RECIPROCAL: bool = false; // whether halves is negative
const WORKGROUP: u32 = 64u;
const PER_THREAD: u32 = 4u; // vec4s a thread

struct Params {
    rows: u32,
    channels: u32,
    input_offset: u32, // offsets and strides count vec4s
    input_stride: u32,
    output_offset: u32,
    output_stride: u32,
    scale: f32,
    shift: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<Activation>;
@group(0) @binding(2) var<storage, read_write> output: array<Activation>;

fn raised(base: vec4<f32>) -> vec4<f32> {
    var power = vec4<f32>(1.0);
    if ROOTS % 2u == 1u {
        power = sqrt(base);
    }
    for (var i = 0u; i < ROOTS / 2u; i++) {
        power *= base;
    }
    return select(power, 1.0 / power, RECIPROCAL);
}

@compute @workgroup_size(WORKGROUP)
fn power(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = (group.y * 65535u + group.x) * WORKGROUP * PER_THREAD + lane;
    let channels4 = (params.channels + 3u) / 4u;
    for (var i = 0u; i < PER_THREAD; i++) {
        let index = first + i * WORKGROUP;
        if index >= params.rows * channels4 {
            return;
        }
        let row = index / channels4;
        let column = index % channels4;
        let at = params.input_offset + row * params.input_stride + column;
        let base = vec4<f32>(input[at]) + params.shift;
        let channel = vec4<u32>(4u * column) + vec4<u32>(0u, 1u, 2u, 3u);
        let real = channel < vec4<u32>(params.channels);
        let result = select(vec4<f32>(0.0), params.scale * raised(base), real);
        output[params.output_offset + row * params.output_stride + column] = Activation(result);
    }
}
