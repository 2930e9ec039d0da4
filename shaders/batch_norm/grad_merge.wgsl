// The sums of the groups from those of their chunks, and from these the gradients of weight and
// bias, each in a fixed order:
//   sums[group] = sum over chunks of partial[chunk][group]
//   grad_bias = sum over groups of row 0 of sums, grad_weight = of row 1     only with GRAD_AFFINE
//
// Layout: partial [chunks][groups][2][channels] as grad_sums.wgsl writes it, sums
// [groups][2][channels]; grad_weight and grad_bias [channels]; channels padded to 4.
// Bindings: 0 params, 1 partial, 2 sums, 3 grad_weight, 4 grad_bias; anything as 3 and 4 without
// GRAD_AFFINE.
// Grid: one thread a vec4 of channels, workgroups folded at 65535. Limits: every index < 2^32.
// Caller: src/ops/batch_norm/norm_grad.rs, NormGrad. Speed: bound by memory, reads partial once.

alias Gradient = vec4<f32>; // how gradients of parameters are stored
const GRAD_AFFINE: bool = true;
const WORKGROUP: u32 = 64u;

struct Params {
    channels4: u32,
    groups: u32,
    chunks: u32,
    sums_offset: u32, // offsets and strides count vec4s
    sums_stride: u32,
    grad_weight_offset: u32,
    grad_bias_offset: u32,
    pad_0: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> partial: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> sums: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> grad_weight: array<Gradient>;
@group(0) @binding(4) var<storage, read_write> grad_bias: array<Gradient>;

@compute @workgroup_size(WORKGROUP)
fn grad_merge(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let column = (wid.y * 65535u + wid.x) * WORKGROUP + lane;
    if column >= params.channels4 {
        return;
    }
    var all_sums = vec4<f32>(0.0);
    var all_products = vec4<f32>(0.0);
    for (var group = 0u; group < params.groups; group++) {
        var sum = vec4<f32>(0.0);
        var products = vec4<f32>(0.0);
        for (var chunk = 0u; chunk < params.chunks; chunk++) {
            let place = 2u * (chunk * params.groups + group) * params.channels4 + column;
            sum += partial[place];
            products += partial[place + params.channels4];
        }
        let place = params.sums_offset + 2u * group * params.sums_stride + column;
        sums[place] = sum;
        sums[place + params.sums_stride] = products;
        all_sums += sum;
        all_products += products;
    }
    if GRAD_AFFINE {
        grad_weight[params.grad_weight_offset + column] = Gradient(all_products);
        grad_bias[params.grad_bias_offset + column] = Gradient(all_sums);
    }
}
