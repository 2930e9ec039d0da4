// Statistics of each channel over chunks of the pixels of a group (all images: batch norm; one
// image: instance norm).
//   SINGLE  output[group] = mean, 1 / sqrt(variance + eps)  one chunk, biased variance
//   else    output[chunk][group] = mean - origin, m2 = sum of (input - mean)^2
//
// The origin is the group's first pixel: distances from it keep the digits of a small variance
// beside a large mean. Over them runs Welford's update (1962), which an outlier as origin does not
// hurt. merge.wgsl joins the chunks.
// Layout: input [groups][pixels][channels], NHWC; output [chunks][groups][2][channels]; channels
// padded to 4, pad lanes zero. Bindings: 0 params, 1 input, 2 output.
// Grid: one thread a (chunk, group, column), workgroups folded at 65535.
// Limits: every index < 2^32, chunks * chunk_pixels >= pixels, no chunk empty.
// Caller: src/ops/batch_norm/statistics.rs, Statistics.
// Speed: bound by memory, 4 bytes an element; eight at a time where lanes load one by one.
// parts: vec4, statistics_params

const SINGLE: bool = true;
const WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<Stored>;
@group(0) @binding(2) var<storage, read_write> output: array<Exact>;

@compute @workgroup_size(WORKGROUP)
fn statistics(
    @builtin(workgroup_id) wid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = (wid.y * 65535u + wid.x) * WORKGROUP + lane;
    let columns = (params.channels + 3u) / 4u / VECTORS;
    if index >= params.chunks * params.groups * columns {
        return;
    }
    let column = index % columns;
    let part = index / columns;
    let stride = params.input_stride / VECTORS;
    let group_row = part % params.groups * params.pixels;
    let group_first = params.input_offset / VECTORS + group_row * stride + column;
    let origin = load(input[group_first]);
    let start = part / params.groups * params.chunk_pixels;
    let count = min(params.chunk_pixels, params.pixels - start);

    var place = group_first + start * stride;
    var mean: Numbers;
    var m2: Numbers;
    for (var i = 0u; i < count; i++) {
        let x = load(input[place]);
        let share = 1.0 / f32(i + 1u);
        for (var k = 0u; k < VECTORS; k++) {
            let distance = x[k] - origin[k];
            let delta = distance - mean[k];
            mean[k] += delta * share;
            m2[k] += delta * (distance - mean[k]);
        }
        place += stride;
    }
    if SINGLE {
        for (var k = 0u; k < VECTORS; k++) {
            let inv_std = 1.0 / sqrt(m2[k] / f32(count) + params.eps);
            let real = channels_of(column, k) < vec4<u32>(params.channels);
            m2[k] = select(vec4<f32>(0.0), inv_std, real);
            mean[k] += origin[k];
        }
    }
    let first = (params.output_offset + 2u * part * params.output_stride) / VECTORS + column;
    output[first] = store_exact(mean);
    output[first + params.output_stride / VECTORS] = store_exact(m2);
}
