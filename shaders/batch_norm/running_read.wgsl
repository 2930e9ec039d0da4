// output = running_mean, 1 / sqrt(running_var + eps): the statistics of evaluation
//
// Layout: running_mean and running_var [channels]; output [2][channels]; channels padded to 4, pad
// lanes zero. Bindings: 0 params, 1 running_mean, 2 running_var, 3 output.
// Grid: one thread a vec4 of channels, workgroups folded at 65535. Limits: every index < 2^32.
// Caller: src/ops/batch_norm/running.rs, RunningToStats. Speed: bound by latency.

const WORKGROUP: u32 = 64u;

struct Params {
    channels: u32,
    output_offset: u32, // in vec4s
    output_stride: u32,
    eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> running_mean: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> running_var: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP)
fn running_read(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let column = (wid.y * 65535u + wid.x) * WORKGROUP + lane;
    if column >= (params.channels + 3u) / 4u {
        return;
    }
    let channel = vec4<u32>(4u * column) + vec4<u32>(0u, 1u, 2u, 3u);
    let inv_std = 1.0 / sqrt(running_var[column] + params.eps);
    let first = params.output_offset + column;
    output[first] = running_mean[column];
    let real = channel < vec4<u32>(params.channels);
    output[first + params.output_stride] = select(vec4<f32>(0.0), inv_std, real);
}
