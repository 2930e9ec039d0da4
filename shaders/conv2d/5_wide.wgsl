// conv2d, rung 9: rung 3 with loads of eight numbers as four 64-bit words. The rung for CPU
// adapters that have these.
//
//   output[n, oy, ox, co] = bias[co] + sum over ky, kx, ci of
//       input[n, oy*stride + ky - padding, ox*stride + kx - padding, ci] * weight[ky, kx, ci, co]
//
//            8*SUBGROUP output channels                   For loading, a lane is a pixel: it fetches eight inputs of its
//           lane 0 | lane 1 | lane 2 | ...                own pixel. For computing, a lane is eight output channels: the
//   pixel 0 eight  | eight  | eight                       shuffle hands it every pixel's input in turn, and each weight
//   pixel 1 eight  | eight  | eight                       that it loads serves TILE_PIXELS pixels.
//   ...
//
// The two halves of a word are an even and an odd channel, so eights are kept as four even and four
// odd ones until they are stored. TRANSPOSED_WEIGHT reads weight[ky, kx, co, ci] instead: that is
// the input gradient of conv_transpose2d.
// input_slope reads the input through a leaky ReLU, x > 0 ? x : input_slope * x, that is stored
// nowhere; 1 is none. It and the stride are parameters, so that one pipeline serves every layer:
// this much code compiles slowly.
//
// Layouts input, output: [batch, height, width, channels4], offsets and pixel strides in vec4s;
// weight, bias: dense. Bindings 0 params, 1 input, 2 weight, 3 bias (any buffer if !HAS_BIAS: it is
// not read), 4 output
// Grid ceil(batch * out_height * out_width / TILE_PIXELS) * ceil(out_channels / (8 * SUBGROUP))
// tiles,
//           one a subgroup: ceil(tiles / (WORKGROUP / SUBGROUP)) groups, folded at 65535
// Limits SUBGROUP is the device's subgroup size, exactly; WORKGROUP is a multiple of it; no lane
// leaves early;
//           all channel counts are multiples of 8, offsets and pixel strides even
// Speed lavapipe 22.3, beside rung 3 in one call: with 16 pixels a tile 1.09 times as fast on
// 15x15x256, 1.04 to 1.16 on 32x32x128;
//           with 32 pixels 1.21 and 1.14 to 1.17, but compiled in twice the time; these are the default.
//           lavapipe loads lane by lane, word by word: more than half of rung 3's sampled time on the layers of a step.
//           With lines touched before their step, within steps, in turn: 0.95 to 1.2 ms for 1.7 to 1.8 on 8x8x256 -> 4x4x256, 0.7 to 1.0
//           for 1.3 to 1.5 on 4x4x256 -> 2x2x256.
//           With 32 output channels half of 8 lanes idle, and rung 3 wins.
//           Unmeasured on a GPU. Called by ops::conv2d.

const KERNEL: u32 = 4u; // height and width of the kernel
const TRANSPOSED_WEIGHT: bool = false;
const HAS_BIAS: bool = false;
const SUBGROUP: u32 = 8u;
const WORKGROUP: u32 = 8u;
const TILE_PIXELS: u32 = 16u;
const TOUCHES: bool = TILE_PIXELS <= 16u && !TRANSPOSED_WEIGHT; // few sums a step: waiting for the weight is most of it
const LOADS: u32 = (TILE_PIXELS + SUBGROUP - 1u) / SUBGROUP; // pixels that a lane fetches for all
const_assert WORKGROUP % SUBGROUP == 0u;

struct Params {
    batch: u32,
    in_height: u32,
    in_width: u32,
    in_channels4: u32,
    out_height: u32,
    out_width: u32,
    out_channels: u32,
    padding: u32,
    input_offset: u32,
    input_stride: u32,
    output_offset: u32,
    output_stride: u32,
    splits: u32, // 1: only rung 5 splits the contraction
    stride: u32,
    input_slope: f32, // of the leaky ReLU in front of the input; 1 is none
    pad: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<vec4<u64>>;
@group(0) @binding(2) var<storage, read> weight: array<vec4<u64>>;
@group(0) @binding(3) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> output: array<vec4<u64>>;

// Eight numbers, those at even places and those at odd ones: what the two halves of each word are.
struct Eight {
    even: vec4<f32>,
    odd: vec4<f32>,
}

fn eight(pairs: vec4<u64>) -> Eight {
    return Eight(bitcast<vec4<f32>>(vec4<u32>(pairs)), bitcast<vec4<f32>>(vec4<u32>(pairs >> vec4(32u))));
}

fn words(even: vec4<f32>, odd: vec4<f32>) -> vec4<u64> {
    return vec4<u64>(bitcast<vec4<u32>>(even)) | (vec4<u64>(bitcast<vec4<u32>>(odd)) << vec4(32u));
}

// Four input numbers as they enter the sum. The slope is for the bits of negative numbers: among
// them is no NaN, which compilers may lose where it is compared or multiplied by 0.
fn activated(x: vec4<f32>) -> vec4<f32> {
    return select(x, params.input_slope * x, bitcast<vec4<u32>>(x) - 0x80000000u <= vec4(0x7f800000u));
}

// weight[tap, 8*ci8 .., 8*column ..] as four matrices: their products with an input's even and odd
// channels are even and odd channels of the output.
struct Block {
    even_even: mat4x4<f32>, // output, input
    even_odd: mat4x4<f32>,
    odd_even: mat4x4<f32>,
    odd_odd: mat4x4<f32>,
}

fn weight_block(tap: u32, ci8: u32, column: u32, out_channels8: u32) -> Block {
    var at = (tap * params.in_channels4 / 2u + ci8) * 8u * out_channels8 + column;
    var step = out_channels8;
    if TRANSPOSED_WEIGHT {
        step = params.in_channels4 / 2u;
        at = (tap * out_channels8 + column) * 8u * step + ci8;
    }
    let rows = array(eight(weight[at]), eight(weight[at + step]), eight(weight[at + 2u * step]), eight(weight[at + 3u * step]),
        eight(weight[at + 4u * step]), eight(weight[at + 5u * step]), eight(weight[at + 6u * step]), eight(weight[at + 7u * step]));
    let even_even = mat4x4(rows[0].even, rows[2].even, rows[4].even, rows[6].even);
    let odd_odd = mat4x4(rows[1].odd, rows[3].odd, rows[5].odd, rows[7].odd);
    let odds_of_even = mat4x4(rows[0].odd, rows[2].odd, rows[4].odd, rows[6].odd);
    let evens_of_odd = mat4x4(rows[1].even, rows[3].even, rows[5].even, rows[7].even);
    if TRANSPOSED_WEIGHT {
        return Block(transpose(even_even), transpose(odds_of_even), transpose(evens_of_odd), transpose(odd_odd));
    }
    return Block(even_even, evens_of_odd, odds_of_even, odd_odd);
}

// Loads what a later step will load, a number of each line of memory, all rows' first lines first:
// rows are far apart, so that step would wait for one after the other, and waits for all at once
// here. The result is 0; as part of an address it keeps compilers from dropping it.
fn touch(tap: u32, ci8: u32, first_co8: u32, lane: u32, out_channels8: u32) -> u32 {
    let rows = params.in_channels4 * 4u;
    var touched = 0lu;
    for (var i = 0u; i < 4u; i++) {
        let line = i * SUBGROUP + lane; // two eights of one of the eight rows
        let row = tap * rows + ci8 * 8u + line % 8u;
        touched ^= weight[min(row * out_channels8 + first_co8 + line / 8u * 2u, KERNEL * KERNEL * rows * out_channels8 - 1u)].x;
    }
    return u32(touched) & params.input_offset & 1u; // offsets are even, which no compiler knows
}

fn store(pixel: u32, co8: u32, even: vec4<f32>, odd: vec4<f32>) {
    var sum = Eight(even, odd);
    if HAS_BIAS {
        let low = bias[2u * co8];
        let high = bias[2u * co8 + 1u];
        sum.even += vec4(low.xz, high.xz);
        sum.odd += vec4(low.yw, high.yw);
    }
    output[(params.output_offset + pixel * params.output_stride) / 2u + co8] = words(sum.even, sum.odd);
}

@compute @workgroup_size(WORKGROUP)
fn conv2d(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let out_channels8 = params.out_channels / 8u;
    let pixels = params.batch * params.out_height * params.out_width;
    let pixel_tiles = (pixels + TILE_PIXELS - 1u) / TILE_PIXELS;
    let tile = (group.y * 65535u + group.x) * (WORKGROUP / SUBGROUP) + subgroup;
    let first = tile % pixel_tiles * TILE_PIXELS;
    let co8 = tile / pixel_tiles * SUBGROUP + lane;

    var image: array<u32, LOADS>; // row of the batch where the pixel's image begins
    var top: array<u32, LOADS>;
    var left: array<u32, LOADS>;
    for (var r = 0u; r < LOADS; r++) {
        let pixel = min(first + r * SUBGROUP + lane, pixels - 1u);
        image[r] = pixel / params.out_width / params.out_height * params.in_height;
        top[r] = pixel / params.out_width % params.out_height * params.stride - params.padding;
        left[r] = pixel % params.out_width * params.stride - params.padding;
    }
    var even: array<vec4<f32>, TILE_PIXELS>; // sums of the even channels of each pixel
    var odd: array<vec4<f32>, TILE_PIXELS>;
    var touched = 0u;
    for (var tap = 0u; tap < KERNEL * KERNEL; tap++) {
        var source: array<u32, LOADS>;
        var inside: array<bool, LOADS>;
        var any_inside = false;
        for (var r = 0u; r < LOADS; r++) {
            // Unsigned arithmetic wraps: a row above the image is a huge one, so one comparison
            // bounds both sides.
            let y = top[r] + tap / KERNEL;
            let x = left[r] + tap % KERNEL;
            inside[r] = y < params.in_height && x < params.in_width;
            source[r] = (params.input_offset + select(0u, (image[r] + y) * params.in_width + x, inside[r]) * params.input_stride) / 2u;
            any_inside |= inside[r];
        }
        if !subgroupAny(any_inside) {
            continue; // small maps: most taps of a 1x1 or 2x2 map lie outside for every pixel
        }
        for (var ci8 = 0u; ci8 < params.in_channels4 / 2u; ci8++) {
            var x_even: array<vec4<f32>, LOADS>;
            var x_odd: array<vec4<f32>, LOADS>;
            for (var r = 0u; r < LOADS; r++) {
                let x = eight(input[source[r] + ci8]);
                x_even[r] = select(vec4(0.0), activated(x.even), inside[r]);
                x_odd[r] = select(vec4(0.0), activated(x.odd), inside[r]);
            }
            if TOUCHES {
                touched |= touch(tap, ci8 + 1u, co8 - lane, lane, out_channels8);
            }
            let w = weight_block(tap, ci8, min(co8, out_channels8 - 1u), out_channels8);
            for (var p = 0u; p < TILE_PIXELS; p++) {
                let e = subgroupShuffle(x_even[p / SUBGROUP], p % SUBGROUP);
                let o = subgroupShuffle(x_odd[p / SUBGROUP], p % SUBGROUP);
                even[p] += w.even_even * e + w.even_odd * o;
                odd[p] += w.odd_even * e + w.odd_odd * o;
            }
        }
    }
    for (var p = 0u; p < TILE_PIXELS; p++) {
        if first + p < pixels && co8 < out_channels8 {
            store(first + p + touched, co8, even[p], odd[p]);
        }
    }
}
