// grad_input.wgsl for f32, eight channels at a time: loads and stores of 64-bit words, for devices
// that make them lane by lane.
//
//   grad = value > 0 ? grad_output : slope * grad_output    MASKED: through the activation behind; else grad_output
//   FROM_INPUT  grad_input = weight * inv_std * (grad - mean(grad) - x_hat * mean(grad * x_hat))
//   else        grad_input = weight * inv_std * grad                     statistics that do not depend on the input
//
// The arithmetic is that of grad_input.wgsl: a change of one is a change of both.
// Layout: images [groups][pixels][channels], NHWC; stats and sums [groups][2][channels]; weight
// [channels]; channels a multiple of eight, offsets and strides even.
// Bindings: 0 params, 1 grad_output, 2 stats, 3 input, 4 sums, 5 weight, 6 value, 7 grad_input.
// Without FROM_INPUT the caller binds anything as input and sums, without AFFINE as weight, without
// MASKED as value.
// Grid: one thread eight channels of PIXELS pixels of one group (it loads their constants once),
// workgroups folded at 65535. Limits: 64-bit integers; every index < 2^32.
// Speed: lavapipe 22.3, the least of 40 launches in turn, three rounds: MASKED, 2 groups of
// 31x31x512 in 2.40 to 2.49 ms, grad_input.wgsl in 3.50 to 3.91.
// Caller: ops/batch_norm/grad.rs, GradInput and MaskedGradInput.

const FROM_INPUT: bool = true;
const AFFINE: bool = true;
const MASKED: bool = false;
const PIXELS: u32 = 8u; // pixels a thread
const WORKGROUP: u32 = 64u;

struct Params {
    channels4: u32,
    groups: u32,
    pixels: u32, // of a group
    grad_output_offset: u32, // offsets and strides count vec4s
    grad_output_stride: u32,
    stats_offset: u32,
    stats_stride: u32,
    input_offset: u32,
    input_stride: u32,
    sums_offset: u32,
    sums_stride: u32,
    weight_offset: u32,
    grad_input_offset: u32,
    grad_input_stride: u32,
    value_offset: u32,
    value_stride: u32,
    slope: f32,
    pad_0: u32,
    pad_1: u32,
    pad_2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> grad_output: array<vec4<u64>>;
@group(0) @binding(2) var<storage, read> stats: array<vec4<u64>>;
@group(0) @binding(3) var<storage, read> input: array<vec4<u64>>;
@group(0) @binding(4) var<storage, read> sums: array<vec4<u64>>;
@group(0) @binding(5) var<storage, read> weight: array<vec4<u64>>;
@group(0) @binding(6) var<storage, read> value: array<vec4<u64>>;
@group(0) @binding(7) var<storage, read_write> grad_input: array<vec4<u64>>;

// Eight numbers: those at even places, then those at odd ones.
alias Eight = array<vec4<f32>, 2>;

fn eight(words: vec4<u64>) -> Eight {
    return Eight(bitcast<vec4<f32>>(vec4<u32>(words)), bitcast<vec4<f32>>(vec4<u32>(words >> vec4(32u))));
}

fn words(numbers: Eight) -> vec4<u64> {
    return vec4<u64>(bitcast<vec4<u32>>(numbers[0])) | (vec4<u64>(bitcast<vec4<u32>>(numbers[1])) << vec4(32u));
}

@compute @workgroup_size(WORKGROUP)
fn grad_input_wide(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = (wid.y * 65535u + wid.x) * WORKGROUP + lane;
    let blocks = (params.pixels + PIXELS - 1u) / PIXELS;
    let channels8 = params.channels4 / 2u;
    if index >= params.groups * blocks * channels8 {
        return;
    }
    let column = index % channels8;
    let block = index / channels8;
    let group = block / blocks;
    let first = block % blocks * PIXELS;

    let place = (params.stats_offset + 2u * group * params.stats_stride) / 2u + column;
    let mean = eight(stats[place]);
    var factor = eight(stats[place + params.stats_stride / 2u]); // inv_std
    var grad_mean: Eight;
    var slope: Eight;
    if FROM_INPUT {
        let sums_place = (params.sums_offset + 2u * group * params.sums_stride) / 2u + column;
        grad_mean = eight(sums[sums_place]);
        slope = eight(sums[sums_place + params.sums_stride / 2u]);
        for (var half = 0u; half < 2u; half++) {
            grad_mean[half] /= f32(params.pixels);
            slope[half] = slope[half] / f32(params.pixels) * factor[half];
        }
    }
    if AFFINE {
        let w = eight(weight[params.weight_offset / 2u + column]);
        for (var half = 0u; half < 2u; half++) {
            factor[half] *= w[half];
        }
    }
    // A ragged last block repeats its last pixel: a bound that differs between lanes would cost
    // more on CPU adapters.
    for (var i = 0u; i < PIXELS; i++) {
        let row = group * params.pixels + min(first + i, params.pixels - 1u);
        var grad = eight(grad_output[(params.grad_output_offset + row * params.grad_output_stride) / 2u + column]);
        if MASKED {
            let v = eight(value[(params.value_offset + row * params.value_stride) / 2u + column]);
            for (var half = 0u; half < 2u; half++) {
                grad[half] = select(params.slope * grad[half], grad[half], v[half] > vec4<f32>(0.0));
            }
        }
        if FROM_INPUT {
            let x = eight(input[(params.input_offset + row * params.input_stride) / 2u + column]);
            for (var half = 0u; half < 2u; half++) {
                grad[half] -= grad_mean[half] + (x[half] - mean[half]) * slope[half];
            }
        }
        for (var half = 0u; half < 2u; half++) {
            grad[half] *= factor[half];
        }
        grad_input[(params.grad_input_offset + row * params.grad_input_stride) / 2u + column] = words(grad);
    }
}
