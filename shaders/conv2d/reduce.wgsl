// conv2d and conv_transpose2d, reduce: the second half of split_k. It adds the parts in a fixed
// order, and the bias.
//
//   output[pixel, co] = bias[co] + sum over split = 0, 1, 2, ... of partial[split][pixel, co]
//
// Layouts   partial: [splits][pixels][channels4] vec4s, as split_k writes them; bias: [channels4];
//           output: [pixels, channels4] with offset and row stride in vec4s, pad lanes zero
// Bindings  0 params, 1 partial, 2 bias (any buffer if !HAS_BIAS: it is not read), 3 output
// Grid      ceil(pixels * channels4 / WORKGROUP) groups, folded at 65535
// Limits    fewer than 2^32 vec4s in every operand
// Speed     bound by memory: reads the parts once
// Caller    src/ops/conv2d.rs, for both families

alias Activation = vec4<f32>; // how activations are stored
const HAS_BIAS: bool = false;
const WORKGROUP: u32 = 64u;

struct Params {
    pixels: u32,
    channels: u32,
    output_offset: u32,
    output_stride: u32,
    splits: u32,
    pad_0: u32,
    pad_1: u32,
    pad_2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> partial: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> output: array<Activation>;

@compute @workgroup_size(WORKGROUP)
fn conv2d_reduce(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let channels4 = (params.channels + 3u) / 4u;
    let index = (group.y * 65535u + group.x) * WORKGROUP + local;
    let size = params.pixels * channels4;
    if index >= size {
        return;
    }
    let co4 = index % channels4;
    var sum = partial[index];
    for (var split = 1u; split < params.splits; split++) {
        sum += partial[split * size + index];
    }
    if HAS_BIAS {
        sum += bias[co4];
    }
    // The channels that are not real are pad lanes.
    let real = vec4(co4 * 4u) + vec4(0u, 1u, 2u, 3u) < vec4(params.channels);
    let at = params.output_offset + index / channels4 * params.output_stride + co4;
    output[at] = Activation(select(vec4(0.0), sum, real));
}
