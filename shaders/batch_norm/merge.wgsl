// Statistics of a group from those of its chunks, joined in a fixed order by the update of Chan,
// Golub and LeVeque (1983):
//   delta = mean_b - mean_a           mean = mean_a + delta * n_b / n          n = n_a + n_b
//   m2 = m2_a + m2_b + delta^2 * n_a * n_b / n
//   output[group] = origin + mean, 1 / sqrt(m2 / pixels + eps)    m2: sum of (input - mean)^2
//
// Layout: partial [chunks][groups][2][channels] as statistics.wgsl writes it; input
// [groups][pixels][channels], of which only the origins are read; output [groups][2][channels];
// channels padded to 4, pad lanes zero.
// Bindings: 0 params, 1 partial, 2 input, 3 output.
// Grid: one thread a (group, vec4 of channels), workgroups folded at 65535.
// Limits: every index < 2^32.
// Caller: src/ops/batch_norm/statistics.rs, Statistics. Speed: bound by latency.
// parts: statistics_params

alias Activation = vec4<f32>; // how activations are stored
const WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> partial: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> input: array<Activation>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP)
fn merge(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = (wid.y * 65535u + wid.x) * WORKGROUP + lane;
    let channels4 = (params.channels + 3u) / 4u;
    if index >= params.groups * channels4 {
        return;
    }
    let column = index % channels4;
    let group = index / channels4;

    var mean = vec4<f32>(0.0);
    var m2 = vec4<f32>(0.0);
    for (var chunk = 0u; chunk < params.chunks; chunk++) {
        let place = 2u * (chunk * params.groups + group) * channels4 + column;
        let before = chunk * params.chunk_pixels;
        let count = min(params.chunk_pixels, params.pixels - before);
        let share = f32(count) / f32(before + count);
        let delta = partial[place] - mean;
        mean += delta * share;
        m2 += partial[place + channels4] + delta * delta * (f32(before) * share);
    }
    let channel = vec4<u32>(4u * column) + vec4<u32>(0u, 1u, 2u, 3u);
    let real = channel < vec4<u32>(params.channels);
    let inv_std = 1.0 / sqrt(m2 / f32(params.pixels) + params.eps);
    let first = params.output_offset + 2u * group * params.output_stride + column;
    let origin_at = params.input_offset + group * params.pixels * params.input_stride + column;
    output[first] = vec4<f32>(input[origin_at]) + mean;
    output[first + params.output_stride] = select(vec4<f32>(0.0), inv_std, real);
}
