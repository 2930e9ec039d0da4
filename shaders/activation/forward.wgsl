// output = activation(input), with KIND
//   LEAKY_RELU  input > 0 ? input : slope * input       (relu is slope 0)
//   TANH        tanh(input)
//   SIGMOID     1 / (1 + exp(-input))
//
// tanh and exp overflow to NaN on some drivers for large arguments: they are clamped where the
// result has long reached its bound (|tanh(15)| is 1 in f32). A NaN must stay one, which clamp and
// exp do not grant: it is put back.
// Layout: both [rows, channels], NHWC with the channels padded to 4; pad lanes stay zero (sigmoid
// masks them).
// Bindings: 0 params, 1 input, 2 output.
// Grid: one thread for PER_THREAD vec4s, workgroups folded at 65535.
// Limits: rows * channels4 < 2^32.
// Caller: src/ops/activation.rs, Activate. Speed: bound by memory, 8 bytes an element.
// parts: activation_kinds

alias Activation = vec4<f32>; // how activations are stored
const KIND: u32 = 0u;
const WORKGROUP: u32 = 64u;
const PER_THREAD: u32 = 4u; // vec4s a thread

struct Params {
    rows: u32,
    channels: u32,
    input_offset: u32, // offsets and strides count vec4s
    input_stride: u32,
    output_offset: u32,
    output_stride: u32,
    slope: f32,
    pad_0: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<Activation>;
@group(0) @binding(2) var<storage, read_write> output: array<Activation>;

fn activation(x: vec4<f32>) -> vec4<f32> {
    var result: vec4<f32>;
    switch KIND {
        case LEAKY_RELU: {
            return select(params.slope * x, x, x > vec4<f32>(0.0));
        }
        case TANH: {
            result = tanh(clamp(x, vec4<f32>(-15.0), vec4<f32>(15.0)));
        }
        case SIGMOID, default: {
            result = 1.0 / (1.0 + exp(-clamp(x, vec4<f32>(-80.0), vec4<f32>(80.0))));
        }
    }
    let is_nan = (bitcast<vec4<u32>>(x) & vec4<u32>(0x7fffffffu)) > vec4<u32>(0x7f800000u);
    return select(result, x, is_nan);
}

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
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
        var result = activation(vec4<f32>(input[at]));
        if KIND == SIGMOID {
            let channel = vec4<u32>(4u * column) + vec4<u32>(0u, 1u, 2u, 3u);
            result = select(vec4<f32>(0.0), result, channel < vec4<u32>(params.channels));
        }
        output[params.output_offset + row * params.output_stride + column] = Activation(result);
    }
}
