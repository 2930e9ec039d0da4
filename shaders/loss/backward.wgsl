// grad_input = scale * grad_output * d loss(x, t) / d x
//   KIND 0 bce with logits  sigmoid(x) - t     KIND 1 mse  2 (x - t)     t = constant
//   KIND 2 mean             constant           KIND 3 hinge  constant where 1 + constant * x > 0, else 0
//   KIND 4 l1               sign(x - t), 0 at a tie                      KIND 5 mse  2 (x - t)     t = desired
//
// Layouts input, desired, grad_input: [rows, channels], NHWC with the channels padded to 4, each
// with its own offset and row
//           stride; grad_output: a scalar, densely stored. Pad lanes of grad_input are masked to zero.
// Bindings 0 params, 1 input, 2 desired (KIND 0 to 3: anything readable), 3 grad_output, 4
// grad_input
// Grid one thread for PER_THREAD vec4s, workgroups folded at 65535. Limits: rows * channels4 <
// 2^32.
// Bound by memory. A NaN stays one; no finite x gives one. Caller: ops/loss.rs, LossBackward.

alias Activation = vec4<f32>; // how activations are stored
const KIND: u32 = 0u;
const WORKGROUP: u32 = 64u;
const PER_THREAD: u32 = 4u; // vec4s a thread

struct Params {
    rows: u32,
    channels: u32,
    input_offset: u32, // offsets and strides count vec4s
    input_stride: u32,
    desired_offset: u32,
    desired_stride: u32,
    grad_input_offset: u32,
    grad_input_stride: u32,
    constant: f32,
    scale: f32,
    pad_0: u32,
    pad_1: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<Activation>;
@group(0) @binding(2) var<storage, read> desired: array<Activation>;
@group(0) @binding(3) var<storage, read> grad_output: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> grad_input: array<Activation>;

// sigmoid(x) - t over one denominator, from exp(-|x|): nothing overflows and nothing cancels where
// the answer is nearly zero.
fn bce_with_logits(x: vec4<f32>, t: f32) -> vec4<f32> {
    let magnitude = abs(x);
    let bounded = select(magnitude, vec4<f32>(80.0), magnitude > vec4<f32>(80.0));
    let e = exp(-bounded);
    return or_nan(x, select((1.0 - t) * e - t, (1.0 - t) - t * e, x > vec4<f32>(0.0)) / (1.0 + e));
}

// `result`, or x where x is a NaN: sign and exp of a NaN are numbers on some drivers. A comparison
// of x with itself may be optimised away, so look at the bits.
fn or_nan(x: vec4<f32>, result: vec4<f32>) -> vec4<f32> {
    let magnitude = bitcast<vec4<u32>>(x) & vec4<u32>(0x7fffffffu);
    return select(result, x, magnitude > vec4<u32>(0x7f800000u));
}

fn derivative(x: vec4<f32>, t: vec4<f32>) -> vec4<f32> {
    if KIND == 0u {
        return bce_with_logits(x, params.constant);
    }
    if KIND == 1u {
        return 2.0 * (x - params.constant);
    }
    if KIND == 2u {
        return vec4<f32>(params.constant);
    }
    if KIND == 3u {
        return or_nan(x, select(vec4<f32>(0.0), vec4<f32>(params.constant), 1.0 + params.constant * x > vec4<f32>(0.0)));
    }
    if KIND == 4u {
        return or_nan(x - t, sign(x - t));
    }
    return 2.0 * (x - t);
}

@compute @workgroup_size(WORKGROUP)
fn backward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = (group.y * 65535u + group.x) * WORKGROUP * PER_THREAD + lane;
    let channels4 = (params.channels + 3u) / 4u;
    let factor = params.scale * grad_output[0].x;
    for (var i = 0u; i < PER_THREAD; i++) {
        let index = first + i * WORKGROUP;
        if index >= params.rows * channels4 {
            return;
        }
        let row = index / channels4;
        let column = index % channels4;
        let x = vec4<f32>(input[params.input_offset + row * params.input_stride + column]);
        var t = vec4<f32>(0.0);
        if KIND >= 4u {
            t = vec4<f32>(desired[params.desired_offset + row * params.desired_stride + column]);
        }
        let channel = vec4<u32>(4u * column) + vec4<u32>(0u, 1u, 2u, 3u);
        let grad = select(vec4<f32>(0.0), factor * derivative(x, t), channel < vec4<u32>(params.channels));
        grad_input[params.grad_input_offset + row * params.grad_input_stride + column] = Activation(grad);
    }
}
