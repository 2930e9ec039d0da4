// running = (1 - momentum) * running + momentum * new, in place, once for each group in order; the
// new variance is the unbiased one (parts/running.wgsl)
//
// All are left alone once the monitor's flag is up: the state stays at the last good step.
// Layout: stats [groups][2][channels]: mean, inv_std; running_mean and running_var [channels];
// channels padded to 4; pad lanes stay zero.
// Bindings: 0 params, 1 stats, 2 running_mean, 3 running_var, 4 monitor (word 0 is the flag).
// Grid: one thread a vec4 of channels, workgroups folded at 65535. Limits: every index < 2^32.
// Caller: src/ops/batch_norm/running.rs, RunningStatistics. Speed: bound by latency.
// parts: running

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

@compute @workgroup_size(WORKGROUP)
fn running_update(
    @builtin(workgroup_id) wid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let column = (wid.y * 65535u + wid.x) * WORKGROUP + lane;
    if column >= params.channels4 || monitor[0] != 0u {
        return;
    }
    var running = Running(running_mean[column], running_var[column]);
    for (var group = 0u; group < params.groups; group++) {
        let place = params.stats_offset + 2u * group * params.stats_stride + column;
        running = moved(running, stats[place], stats[place + params.stats_stride]);
    }
    running_mean[column] = running.mean;
    running_var[column] = running.variance;
}
