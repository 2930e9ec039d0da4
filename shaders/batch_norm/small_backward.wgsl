// All gradients of a normalisation with an activation behind it, of a small map, in one launch:
//   grad = value > 0 ? grad_output : slope * grad_output     MASKED; else grad_output
//   x_hat = (input - mean) * inv_std                         means over the pixels of the group
//   grad_input = weight * inv_std * (grad - mean(grad) - x_hat * mean(grad * x_hat))
//   grad_weight = sum of grad * x_hat, grad_bias = sum of grad     GRAD_AFFINE: groups in order
// A thread walks twice over the pixels of its channels; value is the activation's output.
// Layout: as in grad_input.wgsl; grad_weight and grad_bias [channels].
// Bindings: 0 params, 1 grad_output, 2 value, 3 input, 4 stats, 5 weight, 6 grad_input,
// 7 grad_weight, 8 grad_bias; anything as 2 without MASKED, as 5 without AFFINE, as 7 and 8 without
// GRAD_AFFINE.
// Grid: one thread a vec4 of channels, workgroups folded at 65535. Limits: every index < 2^32.
// Caller: src/ops/batch_norm/norm_grad.rs, NormGrad.
// Speed: bound by latency; saves up to five launches, see small_forward.wgsl for where it loses.

alias Activation = vec4<f32>; // how activations are stored
alias Gradient = vec4<f32>; // how gradients of parameters are stored
const MASKED: bool = true;
const AFFINE: bool = true;
const GRAD_AFFINE: bool = true;
const WORKGROUP: u32 = 64u;

struct Params {
    channels4: u32,
    groups: u32,
    pixels: u32, // of a group
    grad_output_offset: u32, // offsets and strides count vec4s
    grad_output_stride: u32,
    value_offset: u32,
    value_stride: u32,
    input_offset: u32,
    input_stride: u32,
    stats_offset: u32,
    stats_stride: u32,
    weight_offset: u32,
    grad_input_offset: u32,
    grad_input_stride: u32,
    grad_weight_offset: u32,
    grad_bias_offset: u32,
    slope: f32,
    pad_0: u32,
    pad_1: u32,
    pad_2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> grad_output: array<Activation>;
@group(0) @binding(2) var<storage, read> value: array<Activation>;
@group(0) @binding(3) var<storage, read> input: array<Activation>;
@group(0) @binding(4) var<storage, read> stats: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> grad_input: array<Activation>;
@group(0) @binding(7) var<storage, read_write> grad_weight: array<Gradient>;
@group(0) @binding(8) var<storage, read_write> grad_bias: array<Gradient>;

fn masked_grad(row: u32, column: u32) -> vec4<f32> {
    let at = params.grad_output_offset + row * params.grad_output_stride + column;
    let grad = vec4<f32>(grad_output[at]);
    if !MASKED {
        return grad;
    }
    let v = vec4<f32>(value[params.value_offset + row * params.value_stride + column]);
    return select(params.slope * grad, grad, v > vec4<f32>(0.0));
}

@compute @workgroup_size(WORKGROUP)
fn small_backward(
    @builtin(workgroup_id) wid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let column = (wid.y * 65535u + wid.x) * WORKGROUP + lane;
    if column >= params.channels4 {
        return;
    }
    var all_sums = vec4<f32>(0.0);
    var all_products = vec4<f32>(0.0);
    for (var group = 0u; group < params.groups; group++) {
        let place = params.stats_offset + 2u * group * params.stats_stride + column;
        let mean = stats[place];
        let inv_std = stats[place + params.stats_stride];
        let first = group * params.pixels;
        var sum = vec4<f32>(0.0);
        var products = vec4<f32>(0.0);
        for (var row = first; row < first + params.pixels; row++) {
            let grad = masked_grad(row, column);
            sum += grad;
            let at = params.input_offset + row * params.input_stride + column;
            products += grad * (vec4<f32>(input[at]) - mean);
        }
        products *= inv_std;
        all_sums += sum;
        all_products += products;

        var factor = inv_std;
        if AFFINE {
            factor *= weight[params.weight_offset + column];
        }
        let grad_mean = sum / f32(params.pixels);
        let slope = products / f32(params.pixels) * inv_std;
        for (var row = first; row < first + params.pixels; row++) {
            let x = vec4<f32>(input[params.input_offset + row * params.input_stride + column]);
            let grad = factor * (masked_grad(row, column) - (grad_mean + (x - mean) * slope));
            let to = params.grad_input_offset + row * params.grad_input_stride + column;
            grad_input[to] = Activation(grad);
        }
    }
    if GRAD_AFFINE {
        grad_weight[params.grad_weight_offset + column] = Gradient(all_products);
        grad_bias[params.grad_bias_offset + column] = Gradient(all_sums);
    }
}
