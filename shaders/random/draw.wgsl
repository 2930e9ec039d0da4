// output = mean + deviation * z, z standard normal (Box-Muller) or with UNIFORM in 0..1, from words
// of Philox4x32-10. Element i (logical index, pad lanes not counted) takes z[i % 4] of a block of
// words w with key = step.seed and
//   normal   counter = (i / 4, 1, 0, key of the state): the step does not matter
//            z = (r(w.x) cos a(w.y), r(w.x) sin a(w.y), r(w.z) cos a(w.w), r(w.z) sin a(w.w)),
//            r(w) = sqrt(-2 log u), u in (0, 1], a(w) in [0, 2 pi): both from the upper 24 bits
//   UNIFORM  counter = (i / 4, 2, step.step, key of the value)     z = w from the upper 24 bits
// Dropout has 0 where these counters have 1 and 2, so that no two draws meet.
// Layout: output [rows, channels], the channels padded to 4. Rows come in groups of `padded`, of
// which the first `period` are real: a weight pads its in_channels too. What is padding is zero.
// Bindings: 0 params, 1 output, 2 step.
// Grid: one thread a vec4, workgroups folded at 65535. Limits: logical elements < 2^32.
// Callers: src/ops/random.rs, RandomNormal and RandomUniform. Speed: normal draws run once a state.
// parts: step, philox, draws

const UNIFORM: bool = false;
const WORKGROUP: u32 = 64u;

struct Params {
    rows: u32,
    channels: u32,
    output_offset: u32, // in vec4s
    output_stride: u32,
    period: u32,
    padded: u32,
    key: u32,
    mean: f32,
    deviation: f32,
    pad_0: u32,
    pad_1: u32,
    pad_2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> output: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> step: Step;

// log(u) for u in (0, 1], as exponent * log 2 + 2 atanh((m - 1) / (m + 1)) with m in
// sqrt(1/2)..sqrt(2): exact at u = 1 and never above 0, so that its root exists. Drivers may be off
// by 1e-4 here and by more in sin and cos; this is off by some 1e-7.
fn log_fraction(u: f32) -> f32 {
    let bits = bitcast<u32>(u);
    var exponent = f32(bits >> 23u) - 127.0;
    var m = bitcast<f32>((bits & 0x7fffffu) | 0x3f800000u);
    if m > 1.4142135 {
        m *= 0.5;
        exponent += 1.0;
    }
    let s = (m - 1.0) / (m + 1.0);
    let q = s * s;
    let tail = q * (1.0 / 3.0 + q * (1.0 / 5.0 + q * (1.0 / 7.0 + q / 9.0)));
    return 0.69314718 * exponent + 2.0 * s * (1.0 + tail);
}

// Cosine and sine of `angle` / 2^24 turns: Taylor around the nearest quarter turn, then rotated by
// quarters.
fn cos_sin(angle: u32) -> vec2<f32> {
    let shifted = angle + 0x200000u; // by an eighth of a turn
    let quarters = (shifted >> 22u) % 4u;
    let x = (f32(shifted & 0x3fffffu) - 2097152.0) * 3.7450703e-7;
    let q = x * x;
    let cosine = 1.0 - q * (1.0 / 2.0 - q * (1.0 / 24.0 - q * (1.0 / 720.0 - q / 40320.0)));
    let sine = x * (1.0 - q * (1.0 / 6.0 - q * (1.0 / 120.0 - q * (1.0 / 5040.0 - q / 362880.0))));
    let turned = select(vec2<f32>(cosine, sine), vec2<f32>(-sine, cosine), quarters % 2u == 1u);
    return select(turned, -turned, quarters >= 2u);
}

fn block(number: u32) -> vec4<f32> {
    if UNIFORM {
        return uniform_of(philox(vec4<u32>(number, 2u, step.step, params.key), step.seed));
    }
    let w = philox(vec4<u32>(number, 1u, 0u, params.key), step.seed) >> vec4<u32>(8u);
    let u = (vec2<f32>(w.xz) + 1.0) / 16777216.0;
    let radius = sqrt(-2.0 * vec2<f32>(log_fraction(u.x), log_fraction(u.y)));
    return radius.xxyy * vec4<f32>(cos_sin(w.y), cos_sin(w.w));
}

@compute @workgroup_size(WORKGROUP)
fn draw(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = (group.y * 65535u + group.x) * WORKGROUP + lane;
    let channels4 = (params.channels + 3u) / 4u;
    if index >= params.rows * channels4 {
        return;
    }
    let row = index / channels4;
    let column = index % channels4;
    let logical_row = row / params.padded * params.period + row % params.padded;
    let channel = vec4<u32>(4u * column) + vec4<u32>(0u, 1u, 2u, 3u);
    let channels = select(0u, params.channels, row % params.padded < params.period);
    let real = channel < vec4<u32>(channels);
    let element = logical_row * params.channels + 4u * column;
    let values = params.mean + params.deviation * draws(element);
    let to = params.output_offset + row * params.output_stride + column;
    output[to] = select(vec4<f32>(0.0), values, real);
}
