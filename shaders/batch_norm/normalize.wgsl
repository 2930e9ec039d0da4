// output = leaky_relu(weight * (input - mean) * inv_std + bias) (AFFINE; else weight 1, bias 0)
//   leaky_relu(y) = y > 0 ? y : slope * y: slope 1 leaves y as it is, slope 0 is ReLU
//
// Layout: input and output [groups][pixels][channels], NHWC; stats [groups][2][channels]: mean,
// inv_std; weight and bias [channels]. Channels padded to 4; pad lanes stay zero since those of
// every operand are.
// Bindings: 0 params, 1 input, 2 stats, 3 weight, 4 bias, 5 output; anything as 3 and 4 without
// AFFINE.
// Grid: one thread a vec4 of channels of PIXELS pixels of one group (it loads their constants
// once), workgroups folded at 65535. Limits: every index < 2^32.
// Callers: src/ops/batch_norm/mod.rs, Normalize; src/ops/batch_norm/fused.rs, NormalizeActivate.
// Speed: bound by memory, 8 bytes an element.

alias Activation = vec4<f32>; // how activations are stored
const AFFINE: bool = true;
const PIXELS: u32 = 8u; // pixels a thread
const WORKGROUP: u32 = 64u;

struct Params {
    channels4: u32,
    groups: u32,
    pixels: u32, // of a group
    slope: f32,
    input_offset: u32, // offsets and strides count vec4s
    input_stride: u32,
    stats_offset: u32,
    stats_stride: u32,
    weight_offset: u32,
    bias_offset: u32,
    output_offset: u32,
    output_stride: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<Activation>;
@group(0) @binding(2) var<storage, read> stats: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> output: array<Activation>;

fn leaky_relu(y: vec4<f32>) -> vec4<f32> {
    return select(params.slope * y, y, y > vec4<f32>(0.0));
}

@compute @workgroup_size(WORKGROUP)
fn normalize_pixels(
    @builtin(workgroup_id) wid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = (wid.y * 65535u + wid.x) * WORKGROUP + lane;
    let blocks = (params.pixels + PIXELS - 1u) / PIXELS;
    if index >= params.groups * blocks * params.channels4 {
        return;
    }
    let column = index % params.channels4;
    let block = index / params.channels4;
    let group = block / blocks;
    let first = block % blocks * PIXELS;

    let place = params.stats_offset + 2u * group * params.stats_stride + column;
    let mean = stats[place];
    var factor = stats[place + params.stats_stride];
    var offset = vec4<f32>(0.0);
    if AFFINE {
        factor *= weight[params.weight_offset + column];
        offset = bias[params.bias_offset + column];
    }
    // A ragged last block repeats its last pixel: a bound that differs between lanes would cost
    // more on CPU adapters.
    for (var i = 0u; i < PIXELS; i++) {
        let row = group * params.pixels + min(first + i, params.pixels - 1u);
        let x = vec4<f32>(input[params.input_offset + row * params.input_stride + column]);
        let y = leaky_relu((x - mean) * factor + offset);
        output[params.output_offset + row * params.output_stride + column] = Activation(y);
    }
}
