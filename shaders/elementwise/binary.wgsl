// output = scale * (left + right)   or   output = scale * left * right
//
// Layout: all three [rows, channels], NHWC with the channels padded to 4; each operand has its own offset and row stride.
// Bindings: 0 params, 1 left, 2 right, 3 output. Grid: one thread a vec4 of PER_THREAD, workgroups folded at 65535.
// Limits: rows * channels4 < 2^32. Bound by memory: 12 bytes an element.
// Caller: ops/elementwise.rs, Binary.

alias Activation = vec4<f32>; // how activations are stored
const PRODUCT: bool = false; // multiply instead of add
const WORKGROUP: u32 = 64u;
const PER_THREAD: u32 = 4u; // vec4s a thread

struct Params {
    rows: u32,
    channels4: u32,
    left_offset: u32, // offsets and strides count vec4s
    left_stride: u32,
    right_offset: u32,
    right_stride: u32,
    output_offset: u32,
    output_stride: u32,
    scale: f32,
    pad_0: u32,
    pad_1: u32,
    pad_2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> left: array<Activation>;
@group(0) @binding(2) var<storage, read> right: array<Activation>;
@group(0) @binding(3) var<storage, read_write> output: array<Activation>;

@compute @workgroup_size(WORKGROUP)
fn binary(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = (group.y * 65535u + group.x) * WORKGROUP * PER_THREAD + lane;
    for (var i = 0u; i < PER_THREAD; i++) {
        let index = first + i * WORKGROUP;
        if index >= params.rows * params.channels4 {
            return;
        }
        let row = index / params.channels4;
        let column = index % params.channels4;
        let a = vec4<f32>(left[params.left_offset + row * params.left_stride + column]);
        let b = vec4<f32>(right[params.right_offset + row * params.right_stride + column]);
        let result = params.scale * select(a + b, a * b, PRODUCT);
        output[params.output_offset + row * params.output_stride + column] = Activation(result);
    }
}
