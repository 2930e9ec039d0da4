// grad_input = grad_output * activation'(input)
//   KIND 0 leaky_relu  value is the input:   value > 0 ? 1 : slope    (0 at 0 counts as negative, as in the reference)
//   KIND 1 tanh        value is the output:  1 - value^2
//   KIND 2 sigmoid     value is the output:  value * (1 - value)
//
// Layout: all three [rows, channels], NHWC with the channels padded to 4; pad lanes stay zero since
// grad_output's are. Bindings: 0 params, 1 grad_output, 2 value, 3 grad_input. Grid: one thread a
// vec4 of PER_THREAD, workgroups folded at 65535. RUN is as in adam/update.wgsl. Limits: rows *
// channels4 < 2^32.
// Caller: ops/activation.rs, ActivateBackward.
// A change of the arithmetic is one of backward_wide.wgsl too.

alias Activation = vec4<f32>; // how activations are stored
const KIND: u32 = 0u;
const WORKGROUP: u32 = 64u;
const PER_THREAD: u32 = 4u; // vec4s a thread
const RUN: u32 = 64u; // threads side by side

struct Params {
    rows: u32,
    channels4: u32,
    grad_output_offset: u32, // offsets and strides count vec4s
    grad_output_stride: u32,
    value_offset: u32,
    value_stride: u32,
    grad_input_offset: u32,
    grad_input_stride: u32,
    slope: f32,
    pad_0: u32,
    pad_1: u32,
    pad_2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> grad_output: array<Activation>;
@group(0) @binding(2) var<storage, read> value: array<Activation>;
@group(0) @binding(3) var<storage, read_write> grad_input: array<Activation>;

fn derivative(v: vec4<f32>) -> vec4<f32> {
    if KIND == 0u {
        return select(vec4<f32>(params.slope), vec4<f32>(1.0), v > vec4<f32>(0.0));
    }
    if KIND == 1u {
        return 1.0 - v * v;
    }
    return v * (1.0 - v);
}

@compute @workgroup_size(WORKGROUP)
fn backward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = ((group.y * 65535u + group.x) * WORKGROUP + lane / RUN * RUN) * PER_THREAD + lane % RUN;
    for (var i = 0u; i < PER_THREAD; i++) {
        let index = first + i * RUN;
        if index >= params.rows * params.channels4 {
            return;
        }
        let row = index / params.channels4;
        let column = index % params.channels4;
        let v = vec4<f32>(value[params.value_offset + row * params.value_stride + column]);
        let grad = vec4<f32>(grad_output[params.grad_output_offset + row * params.grad_output_stride + column]);
        grad_input[params.grad_input_offset + row * params.grad_input_stride + column] = Activation(grad * derivative(v));
    }
}
