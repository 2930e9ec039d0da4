// conv2d, rung 7: few input channels, counted exactly. For the first layer of a network.
//
//   output[n, oy, ox, co] = bias[co] + sum over ky, kx, ci of
//       input[n, oy*STRIDE + ky - padding, ox*STRIDE + kx - padding, ci] * weight[ky, kx, ci, co]
//
//   input row       0 1 2 3 4 5 6 7 8 9       A lane computes a strip of STRIP neighbouring pixels of a row for TILE_VECTORS vec4s of
//   pixel 0         * * * *                   output channels. Of each input row it fetches the columns under the strip once for
//   pixel 1             * * * *               all taps that meet them: 10 instead of 16 for 4 pixels at kernel 4, stride 2. All
//   ...                                       lanes need the same weights: each fetches a few, the shuffle hands them to all.
//
// Pad channels are multiplied by nothing. Arrays are nested as the loops are: a compiler unrolls a
// loop that walks a whole array. TRANSPOSED_WEIGHT reads weight[ky, kx, co, ci] instead: that is
// the input gradient of conv_transpose2d.
// INPUT_SLOPE reads the input through a leaky ReLU, x > 0 ? x : INPUT_SLOPE * x, that is stored
// nowhere; 1 is none.
//
// Layouts input, output: [batch, height, width, channels4], offsets and pixel strides in vec4s;
// weight, bias: dense.
//           Channel counts are rounded up to 4 in memory; pad lanes are zero in, and written as zero.
// Bindings  0 params, 1 input, 2 weight, 3 bias (any buffer if !HAS_BIAS: it is not read), 4 output
// Grid ceil(strips / WORKGROUP) * ceil(out_channels4 / TILE_VECTORS) groups, folded at 65535, where
// strips are
//           batch * out_height * ceil(out_width / STRIP)
// Limits IN_CHANNELS is the input's channel count, exactly; SUBGROUP is the device's subgroup size,
// exactly; WORKGROUP is a
//           multiple of it; no lane leaves early
// Speed lavapipe 22.3, medians of two rounds beside rung 3 in one run: 12-14 GFLOP/s and 3.5-4.9 on
// 64x64x3 -> 32x32x16, 14-19 and
//           7-9 on two of 64x64x6, 12-16 and 8-9 on 256x256x3 -> 128x128x64. Loses with TRANSPOSED_WEIGHT (8-14 and 9-15), where a lane
//           makes a weight vec4 of four. Limited by loads, which a CPU adapter makes lane by lane. Unmeasured on a GPU.
//           Called by ops::conv2d.

alias Activation = vec4<f32>; // how activations are stored
alias Weight = vec4<f32>; // how weights are stored
const KERNEL: u32 = 4u; // height and width of the kernel
const STRIDE: u32 = 2u;
const TRANSPOSED_WEIGHT: bool = false;
const HAS_BIAS: bool = false;
const INPUT_SLOPE: f32 = 1.0; // of the leaky ReLU in front of the contraction
const SUBGROUP: u32 = 8u;
const WORKGROUP: u32 = 8u;
const IN_CHANNELS: u32 = 3u;
const STRIP: u32 = 4u; // pixels of a row that a thread computes
const TILE_VECTORS: u32 = 4u; // vec4s of output channels a thread
const IN_VECTORS: u32 = (IN_CHANNELS + 3u) / 4u;
const COLUMNS: u32 = (STRIP - 1u) * STRIDE + KERNEL; // input columns under a strip
const WEIGHTS: u32 = KERNEL * IN_CHANNELS * TILE_VECTORS; // weight vec4s of one row of taps
const FETCHES: u32 = (WEIGHTS + SUBGROUP - 1u) / SUBGROUP; // of them a lane fetches so many
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

// weight[tap, ci, 4*column ..]
fn weight_vector(tap: u32, ci: u32, column: u32, out_channels4: u32) -> vec4<f32> {
    if TRANSPOSED_WEIGHT {
        let step = IN_VECTORS;
        let at = (tap * out_channels4 + column) * 4u * step + ci / 4u;
        let rows = mat4x4(weight_row(at), weight_row(at + step), weight_row(at + 2u * step), weight_row(at + 3u * step));
        return transpose(rows)[ci % 4u];
    }
    return weight_row((tap * IN_VECTORS * 4u + ci) * out_channels4 + column);
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
    @builtin(local_invocation_index) local: u32,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let out_channels4 = (params.out_channels + 3u) / 4u;
    let row_strips = (params.out_width + STRIP - 1u) / STRIP;
    let strips = params.batch * params.out_height * row_strips;
    let strip_groups = (strips + WORKGROUP - 1u) / WORKGROUP;
    let tile = group.y * 65535u + group.x;
    let first_co4 = tile / strip_groups * TILE_VECTORS;
    let strip = tile % strip_groups * WORKGROUP + local;
    let row = min(strip, strips - 1u) / row_strips; // of all images
    let ox = strip % row_strips * STRIP;
    let image = row / params.out_height * params.in_height; // row of the batch where the image begins
    let top = row % params.out_height * STRIDE - params.padding;
    let left = ox * STRIDE - params.padding;

    var sums: array<array<vec4<f32>, STRIP>, TILE_VECTORS>;
    for (var ky = 0u; ky < KERNEL; ky++) {
        // Unsigned arithmetic wraps: a row above the image is a huge one, so one comparison bounds
        // both sides.
        let y = top + ky;
        var x: array<array<f32, IN_CHANNELS>, COLUMNS>;
        for (var c = 0u; c < COLUMNS; c++) {
            let inside = y < params.in_height && left + c < params.in_width;
            let pixel = select(0u, (image + y) * params.in_width + left + c, inside);
            var value: array<vec4<f32>, IN_VECTORS>;
            for (var i = 0u; i < IN_VECTORS; i++) {
                value[i] = input_vector(params.input_offset + pixel * params.input_stride + i);
            }
            for (var ci = 0u; ci < IN_CHANNELS; ci++) {
                x[c][ci] = select(0.0, value[ci / 4u][ci % 4u], inside);
            }
        }
        var fetched: array<vec4<f32>, FETCHES>;
        for (var f = 0u; f < FETCHES; f++) {
            let i = min(f * SUBGROUP + lane, WEIGHTS - 1u); // counts kx, ci and the vec4
            let tap = ky * KERNEL + i / TILE_VECTORS / IN_CHANNELS;
            let column = min(first_co4 + i % TILE_VECTORS, out_channels4 - 1u);
            fetched[f] = weight_vector(tap, i / TILE_VECTORS % IN_CHANNELS, column, out_channels4);
        }
        var w: array<array<array<vec4<f32>, TILE_VECTORS>, IN_CHANNELS>, KERNEL>;
        for (var kx = 0u; kx < KERNEL; kx++) {
            for (var ci = 0u; ci < IN_CHANNELS; ci++) {
                for (var v = 0u; v < TILE_VECTORS; v++) {
                    let i = (kx * IN_CHANNELS + ci) * TILE_VECTORS + v;
                    w[kx][ci][v] = subgroupShuffle(fetched[i / SUBGROUP], i % SUBGROUP);
                }
            }
        }
        for (var kx = 0u; kx < KERNEL; kx++) {
            for (var ci = 0u; ci < IN_CHANNELS; ci++) {
                for (var v = 0u; v < TILE_VECTORS; v++) {
                    for (var p = 0u; p < STRIP; p++) {
                        sums[v][p] += w[kx][ci][v] * x[p * STRIDE + kx][ci];
                    }
                }
            }
        }
    }
    for (var v = 0u; v < TILE_VECTORS; v++) {
        for (var p = 0u; p < STRIP; p++) {
            if strip < strips && ox + p < params.out_width && first_co4 + v < out_channels4 {
                store(row * params.out_width + ox + p, first_co4 + v, sums[v][p]);
            }
        }
    }
}
