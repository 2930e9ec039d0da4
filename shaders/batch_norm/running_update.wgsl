// running = (1 - momentum) * running + momentum * new, in place, once for each group in order; the
// new variance is the unbiased one:
//
//   variance = (1 / inv_std^2 - eps) * count / (count - 1)
//
// Layout: stats [groups][2][channels]: mean, inv_std; running_mean and running_var [channels];
// channels padded to 4; pad lanes stay zero. A channel is left alone where a new value is not
// finite, and all are once the monitor's sticky flag is set: the state stays at the last good step.
// The test is on bits, since a compiler may assume that floats are finite. In a pad lane inv_std is
// zero. Bindings: 0 params, 1 stats, 2 running_mean, 3 running_var, 4 monitor (word 0 is the flag).
// Grid: one thread a vec4 of channels, workgroups folded at 65535. Caller: ops/batch_norm.rs,
// RunningStatistics.

const WORKGROUP: u32 = 64u;

struct Params {
    channels4: u32,
    groups: u32,
    stats_offset: u32, // offsets and strides count vec4s
    stats_stride: u32,
    momentum: f32,
    unbias: f32, // count / (count - 1)
    eps: f32,
    pad_0: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> stats: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> running_mean: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> running_var: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> monitor: array<u32>;

fn finite(value: vec4<f32>) -> vec4<bool> {
    let exponent = vec4<u32>(0x7f800000u);
    return (bitcast<vec4<u32>>(value) & exponent) != exponent;
}

@compute @workgroup_size(WORKGROUP)
fn running_update(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let column = (wid.y * 65535u + wid.x) * WORKGROUP + lane;
    if column >= params.channels4 || monitor[0] != 0u {
        return;
    }
    var mean = running_mean[column];
    var variance = running_var[column];
    for (var group = 0u; group < params.groups; group++) {
        let place = params.stats_offset + 2u * group * params.stats_stride + column;
        let new_mean = stats[place];
        let inv_std = stats[place + params.stats_stride];
        let biased = 1.0 / (inv_std * inv_std) - params.eps;
        let new_variance = select(biased, vec4<f32>(0.0), biased < vec4<f32>(0.0)) * params.unbias;
        let good = finite(new_mean) & finite(new_variance) & (inv_std > vec4<f32>(0.0));
        mean = select(mean, mix(mean, new_mean, params.momentum), good);
        variance = select(variance, mix(variance, new_variance, params.momentum), good);
    }
    running_mean[column] = mean;
    running_var[column] = variance;
}
