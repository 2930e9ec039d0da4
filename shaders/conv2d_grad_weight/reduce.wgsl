// conv2d_grad_weight, reduce: the second half of a split sum. It adds the parts in a fixed order
// and rounds once.
//
//   grad_weight[i] = sum over split = 0, 1, 2, ... of partial[split][i]
//
// Layouts   partial: [splits][size] vec4s of f32, as the rungs write them; grad_weight: [size]
// Bindings  0 params, 1 partial, 2 grad_weight
// Grid      ceil(size / WORKGROUP) groups, folded at 65535
// Limits    fewer than 2^32 vec4s in partial
// Speed     bound by memory: reads partial once
// Caller    src/ops/channel_sum.rs, sum_of_parts

alias Gradient = vec4<f32>; // how gradients of parameters are stored
const WORKGROUP: u32 = 64u;

struct Params {
    size: u32,
    splits: u32,
    pad_0: u32,
    pad_1: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> partial: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> grad_weight: array<Gradient>;

@compute @workgroup_size(WORKGROUP)
fn conv2d_grad_weight_reduce(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = (group.y * 65535u + group.x) * WORKGROUP + local;
    if index >= params.size {
        return;
    }
    var sum = partial[index];
    for (var split = 1u; split < params.splits; split++) {
        sum += partial[split * params.size + index];
    }
    grad_weight[index] = Gradient(sum);
}
