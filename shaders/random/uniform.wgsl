// output = u,  u uniform in 0..1 from 24 bits of Philox4x32-10, another one in every step
//
//   Element i (logical index, pad lanes not counted) takes word i % 4 of the block with
//       key = step.seed,  counter = (i / 4, 2, step.step, key of the value)
//   The 2 in the counter keeps these draws apart from dropout's and from those of initial values.
//
// Layout    output: [rows, channels], NHWC with the channels padded to 4, with an offset and a row stride. Pad lanes become zero.
// Bindings  0 params, 1 output, 2 step
// Grid      one thread a vec4, workgroups folded at 65535. Limits: rows * channels < 2^32.
// Caller: ops/random.rs, RandomUniform.

const WORKGROUP: u32 = 64u;

struct Params {
    rows: u32,
    channels: u32,
    output_offset: u32, // in vec4s
    output_stride: u32,
    key: u32,
    pad_0: u32,
    pad_1: u32,
    pad_2: u32,
}

struct Step {
    seed: vec2<u32>,
    step: u32,
    ring_row: u32,
    learning_rate: f32,
    bias_correction1: f32,
    bias_correction2: f32,
    pad: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> output: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> step: Step;

// High word of the 64-bit product, by 16-bit halves.
fn multiply_high(a: u32, b: u32) -> u32 {
    let low = (a & 0xffffu) * (b & 0xffffu);
    let cross = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
    let other = (a & 0xffffu) * (b >> 16u) + (cross & 0xffffu);
    return (a >> 16u) * (b >> 16u) + (cross >> 16u) + (other >> 16u);
}

fn philox(first: vec4<u32>, seed: vec2<u32>) -> vec4<u32> {
    var counter = first;
    var key = seed;
    for (var round = 0u; round < 10u; round++) {
        let high_0 = multiply_high(0xD2511F53u, counter.x);
        let high_1 = multiply_high(0xCD9E8D57u, counter.z);
        counter = vec4<u32>(high_1 ^ counter.y ^ key.x, 0xCD9E8D57u * counter.z, high_0 ^ counter.w ^ key.y, 0xD2511F53u * counter.x);
        key += vec2<u32>(0x9E3779B9u, 0xBB67AE85u);
    }
    return counter;
}

fn block(number: u32) -> vec4<u32> {
    return philox(vec4<u32>(number, 2u, step.step, params.key), step.seed);
}

// The words of four elements from `first` on, which start inside a block when the channels are no multiple of 4.
fn words(first: u32) -> vec4<u32> {
    let here = block(first / 4u);
    let shift = first % 4u;
    if shift == 0u {
        return here;
    }
    let next = block(first / 4u + 1u);
    if shift == 1u {
        return vec4<u32>(here.yzw, next.x);
    }
    if shift == 2u {
        return vec4<u32>(here.zw, next.xy);
    }
    return vec4<u32>(here.w, next.xyz);
}

@compute @workgroup_size(WORKGROUP)
fn uniform_draws(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = (group.y * 65535u + group.x) * WORKGROUP + lane;
    let channels4 = (params.channels + 3u) / 4u;
    if index >= params.rows * channels4 {
        return;
    }
    let row = index / channels4;
    let column = index % channels4;
    let u = vec4<f32>(words(row * params.channels + 4u * column) >> vec4<u32>(8u)) / 16777216.0;
    let channel = vec4<u32>(4u * column) + vec4<u32>(0u, 1u, 2u, 3u);
    let real = channel < vec4<u32>(params.channels);
    output[params.output_offset + row * params.output_stride + column] = select(vec4<f32>(0.0), u, real);
}
