// output[row] = sum over term of input[row + term * term_stride], term = 0, 1, 2, ...
//
// Adds the chunks of grad_sums.wgsl, which stay f32, and the groups' sums to the gradients of
// weight and bias; the order is fixed.
// Layout: both [rows][channels], channels padded to 4. Bindings: 0 params, 1 input, 2 output.
// Grid: one thread a vec4 of the output, workgroups folded at 65535. Limits: every index < 2^32.
// Caller: src/ops/batch_norm/reduce.rs, reduce.
// Speed: bound by memory, reads the input once.

alias Gradient = vec4<f32>; // how gradients of parameters are stored
const WORKGROUP: u32 = 64u;

struct Params {
    rows: u32, // of the output
    channels4: u32,
    terms: u32,
    term_stride: u32, // rows of the input from one term to the next
    input_offset: u32, // offsets and strides count vec4s
    input_stride: u32,
    output_offset: u32,
    output_stride: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> output: array<Gradient>;

@compute @workgroup_size(WORKGROUP)
fn reduce(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = (wid.y * 65535u + wid.x) * WORKGROUP + lane;
    if index >= params.rows * params.channels4 {
        return;
    }
    let row = index / params.channels4;
    let column = index % params.channels4;
    var sum = vec4<f32>(0.0);
    for (var term = 0u; term < params.terms; term++) {
        let at = row + term * params.term_stride;
        sum += input[params.input_offset + at * params.input_stride + column];
    }
    output[params.output_offset + row * params.output_stride + column] = Gradient(sum);
}
