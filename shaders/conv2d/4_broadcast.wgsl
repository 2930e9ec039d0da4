// conv2d, rung 3: lanes share what they load. The rung for CPU adapters with subgroups.
//
//   output[n, oy, ox, co] = bias[co] + sum over ky, kx, ci of
//       input[n, oy*STRIDE + ky - padding, ox*STRIDE + kx - padding, ci] * weight[ky, kx, ci, co]
//
//            4*SUBGROUP*LANE_VECTORS output channels      For loading, a lane is a pixel: it fetches one input vec4
//           lane 0 | lane 1 | lane 2 | ...                of its own pixel. For computing, a lane is a vec4 of output
//   pixel 0  vec4  |  vec4  |  vec4                       channels: the shuffle hands it every pixel's input in turn,
//   pixel 1  vec4  |  vec4  |  vec4                       and each weight that it loads serves TILE_PIXELS pixels.
//   ...
//
// TRANSPOSED_WEIGHT reads weight[ky, kx, co, ci] instead: that is the input gradient of
// conv_transpose2d.
// INPUT_SLOPE reads the input through a leaky ReLU, x > 0 ? x : INPUT_SLOPE * x, that is stored
// nowhere; 1 is none.
//
// Layouts input, output: [batch, height, width, channels4], offsets and pixel strides in vec4s;
// weight, bias: dense.
//           Channel counts are rounded up to 4 in memory; pad lanes are zero in, and written as zero.
// Bindings  0 params, 1 input, 2 weight, 3 bias (any buffer if !HAS_BIAS: it is not read), 4 output
// Grid ceil(batch * out_height * out_width / TILE_PIXELS) * ceil(out_channels4 / (SUBGROUP *
// LANE_VECTORS)) tiles,
//           one a subgroup: ceil(tiles / (WORKGROUP / SUBGROUP)) groups, folded at 65535
// Limits SUBGROUP is the device's subgroup size, exactly; WORKGROUP is a multiple of it; no lane
// leaves early
// Speed lavapipe 22.3, GFLOP/s as process CPU time over two cores, on a loaded machine (it swings
// by 2): 19-41 on the large
//           layers with 32 pixels a tile, 7-22 in the first ones, 4-17 on maps of 1-4 pixels, where each weight is used once. By wall
//           clock 25 on the two layers tried while the machine was nearly free. Limited by loads, which a CPU adapter makes
//           lane by lane: a stage of four channels pays 4 + LOADS of them for 16 * TILE_PIXELS multiply-adds a lane. Loses to rung 2
//           up to 8 output channels, where lanes idle. Unmeasured on a GPU. Called by ops::conv2d.

alias Activation = vec4<f32>; // how activations are stored
alias Weight = vec4<f32>; // how weights are stored
const KERNEL: u32 = 4u; // height and width of the kernel
const STRIDE: u32 = 2u;
const TRANSPOSED_WEIGHT: bool = false;
const HAS_BIAS: bool = false;
const INPUT_SLOPE: f32 = 1.0; // of the leaky ReLU in front of the contraction
const SUBGROUP: u32 = 8u;
const WORKGROUP: u32 = 8u;
const TILE_PIXELS: u32 = 16u;
const LANE_VECTORS: u32 = 1u; // vec4s of output channels a lane
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
    pad_0: u32,
    pad_1: u32,
    pad_2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<Activation>;
@group(0) @binding(2) var<storage, read> weight: array<Weight>;
@group(0) @binding(3) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> output: array<Activation>;

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

fn store(pixel: u32, co4: u32, value: vec4<f32>) {
    var sum = value;
    if HAS_BIAS {
        sum += bias[co4];
    }
    let real = vec4(co4 * 4u) + vec4(0u, 1u, 2u, 3u) < vec4(params.out_channels); // the others are pad lanes
    output[params.output_offset + pixel * params.output_stride + co4] = Activation(select(vec4(0.0), sum, real));
}

@compute @workgroup_size(WORKGROUP)
fn conv2d(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let out_channels4 = (params.out_channels + 3u) / 4u;
    let pixels = params.batch * params.out_height * params.out_width;
    let pixel_tiles = (pixels + TILE_PIXELS - 1u) / TILE_PIXELS;
    let tile = (group.y * 65535u + group.x) * (WORKGROUP / SUBGROUP) + subgroup;
    let first = tile % pixel_tiles * TILE_PIXELS;
    let co4 = tile / pixel_tiles * (SUBGROUP * LANE_VECTORS) + lane;

    var image: array<u32, LOADS>; // row of the batch where the pixel's image begins
    var top: array<u32, LOADS>;
    var left: array<u32, LOADS>;
    for (var r = 0u; r < LOADS; r++) {
        let pixel = min(first + r * SUBGROUP + lane, pixels - 1u);
        image[r] = pixel / params.out_width / params.out_height * params.in_height;
        top[r] = pixel / params.out_width % params.out_height * STRIDE - params.padding;
        left[r] = pixel % params.out_width * STRIDE - params.padding;
    }
    var sums: array<vec4<f32>, TILE_PIXELS * LANE_VECTORS>;
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
            source[r] = params.input_offset + select(0u, (image[r] + y) * params.in_width + x, inside[r]) * params.input_stride;
            any_inside |= inside[r];
        }
        if !subgroupAny(any_inside) {
            continue; // small maps: most taps of a 1x1 or 2x2 map lie outside for every pixel
        }
        for (var ci4 = 0u; ci4 < params.in_channels4; ci4++) {
            var x: array<vec4<f32>, LOADS>;
            for (var r = 0u; r < LOADS; r++) {
                x[r] = select(vec4(0.0), input_vector(source[r] + ci4), inside[r]);
            }
            for (var v = 0u; v < LANE_VECTORS; v++) {
                let w = weight_tile(tap, ci4, min(co4 + v * SUBGROUP, out_channels4 - 1u), out_channels4);
                for (var p = 0u; p < TILE_PIXELS; p++) {
                    sums[v * TILE_PIXELS + p] += w * subgroupShuffle(x[p / SUBGROUP], p % SUBGROUP);
                }
            }
        }
    }
    for (var v = 0u; v < LANE_VECTORS; v++) {
        for (var p = 0u; p < TILE_PIXELS; p++) {
            if first + p < pixels && co4 + v * SUBGROUP < out_channels4 {
                store(first + p, co4 + v * SUBGROUP, sums[v * TILE_PIXELS + p]);
            }
        }
    }
}
