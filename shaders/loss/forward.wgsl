// partial[group] = scale * sum of loss(x, t) over the workgroup's share of the elements, with KIND
//   BCE_WITH_LOGITS  max(x, 0) - x * t + log(1 + exp(-|x|))     MSE       (x - t)^2  t = constant
//   MEAN             constant * x           HINGE  max(1 + constant * x, 0)   -1: real, +1: fake
//   L1               |x - t|                                    MSE_PAIR  (x - t)^2  t = desired
// With GRADIENT also grad_input = factor * d loss(x, t) / d x as backward.wgsl writes it, where the
// gradient of the loss is a constant: the elements are read once. A NaN stays one.
// Layout: input, desired, grad_input [rows, channels], NHWC with the channels padded to 4, each
// with its own offset and row stride; partial: one vec4 (sum, 0, 0, 0) a workgroup. A single
// workgroup writes the loss itself.
// Bindings: 0 params, 1 input, 2 desired (anything unless a pair), 3 partial, 4 grad_input
// (anything without GRADIENT).
// Grid: a workgroup for per_group vec4s. Lane l adds vec4s l, l + WORKGROUP, ..., then lane 0 adds
// the lanes from 0 up. Limits: rows * channels4 < 2^32.
// Caller: src/ops/loss.rs, Loss and LossWithGradient. Speed: bound by memory.
// parts: loss

alias Activation = vec4<f32>; // how activations are stored
const KIND: u32 = 0u;
const GRADIENT: bool = false;
const WORKGROUP: u32 = 64u;

struct Params {
    rows: u32,
    channels: u32,
    input_offset: u32, // offsets and strides count vec4s
    input_stride: u32,
    desired_offset: u32,
    desired_stride: u32,
    per_group: u32, // vec4s a workgroup
    constant: f32,
    scale: f32,
    factor: f32,
    grad_input_offset: u32,
    grad_input_stride: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<Activation>;
@group(0) @binding(2) var<storage, read> desired: array<Activation>;
@group(0) @binding(3) var<storage, read_write> partial: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> grad_input: array<Activation>;

var<workgroup> sums: array<f32, WORKGROUP>;

// log(1 + e) for e in 0..1 as 2 atanh(e / (2 + e)): keeps the small values that 1 + e would round
// away, and asks no driver for a logarithm. Seven terms of the series leave 1e-8 at e = 1.
fn log1p(e: vec4<f32>) -> vec4<f32> {
    let s = e / (2.0 + e);
    let q = s * s;
    let tail = 1.0 / 7.0 + q * (1.0 / 9.0 + q * (1.0 / 11.0 + q * (1.0 / 13.0)));
    let series = 1.0 + q * (1.0 / 3.0 + q * (1.0 / 5.0 + q * tail));
    return 2.0 * s * series;
}

fn bce_with_logits(x: vec4<f32>, t: f32) -> vec4<f32> {
    return max(x, vec4<f32>(0.0)) - x * t + log1p(exp_minus_abs(x));
}

fn loss(x: vec4<f32>, t: vec4<f32>) -> vec4<f32> {
    switch KIND {
        case BCE_WITH_LOGITS: {
            return bce_with_logits(x, params.constant);
        }
        case MSE: {
            return (x - params.constant) * (x - params.constant);
        }
        case MEAN: {
            return params.constant * x;
        }
        case HINGE: {
            return or_nan(x, max(1.0 + params.constant * x, vec4<f32>(0.0)));
        }
        case L1: {
            return abs(x - t);
        }
        case MSE_PAIR, default: {
            return (x - t) * (x - t);
        }
    }
}

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let group = id.y * 65535u + id.x;
    let channels4 = (params.channels + 3u) / 4u;
    let first = group * params.per_group;
    let end = min(first + params.per_group, params.rows * channels4);
    var sum = vec4<f32>(0.0);
    for (var index = first + lane; index < end; index += WORKGROUP) {
        let row = index / channels4;
        let column = index % channels4;
        let x = vec4<f32>(input[params.input_offset + row * params.input_stride + column]);
        var t = vec4<f32>(0.0);
        if IS_PAIR {
            t = vec4<f32>(desired[params.desired_offset + row * params.desired_stride + column]);
        }
        let channel = vec4<u32>(4u * column) + vec4<u32>(0u, 1u, 2u, 3u);
        let real = channel < vec4<u32>(params.channels);
        sum += select(vec4<f32>(0.0), loss(x, t), real);
        if GRADIENT {
            let grad = select(vec4<f32>(0.0), params.factor * derivative(x, t), real);
            let to = params.grad_input_offset + row * params.grad_input_stride + column;
            grad_input[to] = Activation(grad);
        }
    }
    sums[lane] = (sum.x + sum.y) + (sum.z + sum.w);
    workgroupBarrier();
    if lane == 0u {
        var total = 0.0;
        for (var i = 0u; i < WORKGROUP; i++) {
            total += sums[i];
        }
        partial[group] = vec4<f32>(params.scale * total, 0.0, 0.0, 0.0);
    }
}
