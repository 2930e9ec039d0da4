// conv2d, rung 5: the contraction in parts, for maps of few pixels and weights of many channels.
//
//   partial[split][n, oy, ox, co] = sum over ky, kx and the ci of part `split` of
//       input[n, oy*STRIDE + ky - padding, ox*STRIDE + kx - padding, ci] * weight[ky, kx, ci, co]
//
// A deep layer has a handful of pixels and megabytes of weights: tiles of pixels are too few to
// fill a device, and every weight is used TILE_PIXELS times. So the input channels are split into
// `splits` equal ranges, neighbouring threads read neighbouring weights, and reduce.wgsl adds the
// parts in order. TRANSPOSED_WEIGHT reads weight[ky, kx, co, ci]: the input gradient of
// conv_transpose2d. INPUT_SLOPE reads the input through a leaky ReLU, x > 0 ? x : INPUT_SLOPE * x,
// that is stored nowhere; 1 is none.
//
// Layouts input: [batch, height, width, channels4], offset and pixel stride in vec4s; weight:
// dense; partial: dense f32,
//           [splits][pixels][out_channels4]. Channel counts are rounded up to 4 in memory; pad lanes are zero in.
// Bindings  0 params, 1 input, 2 weight, 3 partial
// Grid splits * ceil(batch * out_height * out_width / TILE_PIXELS) * out_channels4 threads,
// WORKGROUP a group, folded at 65535 Limits splits <= in_channels4; fewer than 2^32 vec4s in every
// operand
// Speed     unmeasured on a GPU, where it is the default up to 16 pixels. Called by ops::conv2d.

alias Activation = vec4<f32>; // how activations are stored
alias Weight = vec4<f32>; // how weights are stored
const KERNEL: u32 = 4u; // height and width of the kernel
const STRIDE: u32 = 2u;
const TRANSPOSED_WEIGHT: bool = false;
const INPUT_SLOPE: f32 = 1.0; // of the leaky ReLU in front of the contraction
const WORKGROUP: u32 = 64u;
const TILE_PIXELS: u32 = 8u;

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
    splits: u32, // parts of the input channels
    pad_0: u32,
    pad_1: u32,
    pad_2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<Activation>;
@group(0) @binding(2) var<storage, read> weight: array<Weight>;
@group(0) @binding(3) var<storage, read_write> partial: array<vec4<f32>>;

// Four input numbers as they enter the sum. The slope is for the bits of negative numbers: among
// them is no NaN, which compilers may lose where it is compared or multiplied by 0.
fn input_vector(at: u32) -> vec4<f32> {
    let x = vec4<f32>(input[at]);
    return select(x, INPUT_SLOPE * x, bitcast<vec4<u32>>(x) - 0x80000000u <= vec4(0x7f800000u));
}

fn weight_row(at: u32) -> vec4<f32> {
    return vec4<f32>(weight[at]);
}

// weight[tap, 4*ci4 .., 4*column ..] as a matrix whose product with an input vec4 is a vec4 of
// output channels.
fn weight_tile(tap: u32, ci4: u32, column: u32, out_channels4: u32) -> mat4x4<f32> {
    if TRANSPOSED_WEIGHT {
        let step = params.in_channels4;
        let at = (tap * out_channels4 + column) * 4u * step + ci4;
        return transpose(mat4x4(weight_row(at), weight_row(at + step), weight_row(at + 2u * step), weight_row(at + 3u * step)));
    }
    let at = (tap * params.in_channels4 + ci4) * 4u * out_channels4 + column;
    return mat4x4(weight_row(at), weight_row(at + out_channels4), weight_row(at + 2u * out_channels4), weight_row(at + 3u * out_channels4));
}

@compute @workgroup_size(WORKGROUP)
fn conv2d(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let out_channels4 = (params.out_channels + 3u) / 4u;
    let pixels = params.batch * params.out_height * params.out_width;
    let pixel_tiles = (pixels + TILE_PIXELS - 1u) / TILE_PIXELS;
    let index = (group.y * 65535u + group.x) * WORKGROUP + local;
    let co4 = index % out_channels4;
    let first = index / out_channels4 % pixel_tiles * TILE_PIXELS;
    let split = index / out_channels4 / pixel_tiles;
    if split >= params.splits {
        return;
    }
    let part = (params.in_channels4 + params.splits - 1u) / params.splits;
    let first_ci4 = split * part;
    let end_ci4 = min(first_ci4 + part, params.in_channels4);

    var image: array<u32, TILE_PIXELS>; // row of the batch where the pixel's image begins
    var top: array<u32, TILE_PIXELS>;
    var left: array<u32, TILE_PIXELS>;
    for (var p = 0u; p < TILE_PIXELS; p++) {
        let pixel = min(first + p, pixels - 1u);
        image[p] = pixel / params.out_width / params.out_height * params.in_height;
        top[p] = pixel / params.out_width % params.out_height * STRIDE - params.padding;
        left[p] = pixel % params.out_width * STRIDE - params.padding;
    }
    var sums: array<vec4<f32>, TILE_PIXELS>;
    for (var tap = 0u; tap < KERNEL * KERNEL; tap++) {
        var source: array<u32, TILE_PIXELS>;
        var inside: array<bool, TILE_PIXELS>;
        var any_inside = false;
        for (var p = 0u; p < TILE_PIXELS; p++) {
            // Unsigned arithmetic wraps: a row above the image is a huge one, so one comparison
            // bounds both sides.
            let y = top[p] + tap / KERNEL;
            let x = left[p] + tap % KERNEL;
            inside[p] = y < params.in_height && x < params.in_width;
            source[p] = params.input_offset + select(0u, (image[p] + y) * params.in_width + x, inside[p]) * params.input_stride;
            any_inside |= inside[p];
        }
        if !any_inside {
            continue; // most taps of a 1x1 or 2x2 map lie outside for every pixel
        }
        for (var ci4 = first_ci4; ci4 < end_ci4; ci4++) {
            let w = weight_tile(tap, ci4, co4, out_channels4);
            for (var p = 0u; p < TILE_PIXELS; p++) {
                sums[p] += w * select(vec4(0.0), input_vector(source[p] + ci4), inside[p]);
            }
        }
    }
    for (var p = 0u; p < TILE_PIXELS; p++) {
        if first + p < pixels {
            partial[(split * pixels + first + p) * out_channels4 + co4] = sums[p];
        }
    }
}
