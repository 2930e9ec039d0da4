// output = input * mask / (1 - p),  mask = u >= p,  u uniform in 0..1 from 24 bits of Philox4x32-10
//
// Element i (logical NHWC index, pad lanes not counted) takes word i % 4 of the block with
//     key = step.seed,  counter = (i / 4, 0, step.step, key of the layer)
// so that padding, slicing and fusing change no mask. The gradient is the same function of
// grad_output.
// Layout: input, output [rows, channels], NHWC with the channels padded to 4, each with its own
// offset and row stride. Pad lanes stay zero since the input's are. A NaN stays one even where the
// mask is zero, as in the formula.
// Bindings: 0 params, 1 input, 2 output, 3 step.
// Grid: one thread a vec4, workgroups folded at 65535. Limits: rows * channels < 2^32.
// Caller: src/ops/dropout.rs, Dropout.
// Speed: bound by integer arithmetic on a CPU, by memory on a GPU.
// parts: step, philox, draws

alias Activation = vec4<f32>; // how activations are stored
const WORKGROUP: u32 = 64u;

struct Params {
    rows: u32,
    channels: u32,
    input_offset: u32, // offsets and strides count vec4s
    input_stride: u32,
    output_offset: u32,
    output_stride: u32,
    p: f32,
    key: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<Activation>;
@group(0) @binding(2) var<storage, read_write> output: array<Activation>;
@group(0) @binding(3) var<uniform> step: Step;

fn block(number: u32) -> vec4<f32> {
    return uniform_of(philox(vec4<u32>(number, 0u, step.step, params.key), step.seed));
}

@compute @workgroup_size(WORKGROUP)
fn apply(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = (group.y * 65535u + group.x) * WORKGROUP + lane;
    let channels4 = (params.channels + 3u) / 4u;
    if index >= params.rows * channels4 {
        return;
    }
    let row = index / channels4;
    let column = index % channels4;
    let u = draws(row * params.channels + 4u * column);
    let mask = select(vec4<f32>(0.0), vec4<f32>(1.0 / (1.0 - params.p)), u >= vec4<f32>(params.p));
    let value = vec4<f32>(input[params.input_offset + row * params.input_stride + column]);
    output[params.output_offset + row * params.output_stride + column] = Activation(mask * value);
}
