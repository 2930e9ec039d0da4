// grad_input = grad_output * activation'(input), with KIND
//   LEAKY_RELU  value is the input:   value > 0 ? 1 : slope   (0 at 0 is negative, as in PyTorch)
//   TANH        value is the output:  1 - value^2
//   SIGMOID     value is the output:  value * (1 - value)
//
// Layout: all three [rows, channels], NHWC with the channels padded to 4; pad lanes stay zero since
// those of grad_output are.
// Bindings: 0 params, 1 grad_output, 2 value, 3 grad_input.
// Grid: one thread for PER_THREAD columns as in parts/coalesced.wgsl, workgroups folded at 65535.
// Limits: rows * channels4 < 2^32.
// Caller: src/ops/activation.rs, ActivateBackward.
// Speed: bound by memory, 12 bytes an element; eight at a time, parts/vec8.wgsl, where lanes load
// one by one.
// parts: vec4, coalesced, activation_kinds

const KIND: u32 = 0u;
const WORKGROUP: u32 = 64u;
const PER_THREAD: u32 = 4u; // columns a thread

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
@group(0) @binding(1) var<storage, read> grad_output: array<Stored>;
@group(0) @binding(2) var<storage, read> value: array<Stored>;
@group(0) @binding(3) var<storage, read_write> grad_input: array<Stored>;

fn derivative(v: vec4<f32>) -> vec4<f32> {
    switch KIND {
        case LEAKY_RELU: {
            return select(vec4<f32>(params.slope), vec4<f32>(1.0), v > vec4<f32>(0.0));
        }
        case TANH: {
            return 1.0 - v * v;
        }
        case SIGMOID, default: {
            return v * (1.0 - v);
        }
    }
}

@compute @workgroup_size(WORKGROUP)
fn backward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let columns = params.channels4 / VECTORS;
    let first = first_coalesced(group, lane);
    for (var i = 0u; i < PER_THREAD; i++) {
        let index = first + i * COALESCED;
        if index >= params.rows * columns {
            return;
        }
        let row = index / columns;
        let column = index % columns;
        let value_at = (params.value_offset + row * params.value_stride) / VECTORS;
        let grad_at = (params.grad_output_offset + row * params.grad_output_stride) / VECTORS;
        let to = (params.grad_input_offset + row * params.grad_input_stride) / VECTORS;
        let v = load(value[value_at + column]);
        var grad = load(grad_output[grad_at + column]);
        for (var k = 0u; k < VECTORS; k++) {
            grad[k] *= derivative(v[k]);
        }
        grad_input[to + column] = store(grad);
    }
}
