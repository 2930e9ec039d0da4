// conv_transpose2d, rung 7: few output channels, counted exactly. For pictures: the generator's
// last layer.
//
//   output[n, oy, ox, co] = bias[co] + sum over ci and the ky, kx with oy + padding - ky = iy*STRIDE, ox + padding - kx = ix*STRIDE of
//       input[n, iy, ix, ci] * weight[ky, kx, ci, co]
//
// A lane computes a strip of STRIDE*STRIP neighbouring pixels of a row. Of each input row it
// fetches the columns that reach the strip once for all taps: 6 instead of 16 for 8 pixels at
// kernel 4, stride 2. The rows of a group have one parity, so all lanes need the same weights: each
// fetches a few, the shuffle hands them to all. Pad channels are not computed. Arrays are nested as
// the loops are: a compiler unrolls a loop that walks a whole array.
// TRANSPOSED_WEIGHT reads weight[ky, kx, co, ci] instead: that is the input gradient of conv2d.
// INPUT_SLOPE reads the input through a leaky ReLU, x > 0 ? x : INPUT_SLOPE * x, that is stored
// nowhere; 1 is none.
//
// Layouts input, output: [batch, height, width, channels4], offsets and pixel strides in vec4s;
// weight, bias: dense.
//           Channel counts are rounded up to 4 in memory; pad lanes are zero in, and written as zero.
// Bindings  0 params, 1 input, 2 weight, 3 bias (any buffer if !HAS_BIAS: it is not read), 4 output
// Grid      STRIDE * ceil(strips / WORKGROUP) groups, folded at 65535, where strips are
//           batch * ceil(out_height / STRIDE) * ceil(out_width / (STRIDE * STRIP))
// Limits OUT_CHANNELS is the output's channel count, exactly; PADDING < KERNEL; SUBGROUP is the
// device's subgroup size, exactly;
//           WORKGROUP is a multiple of it; no lane leaves early
// Speed lavapipe 22.3, medians of two rounds beside rung 2 in one run: 10-15 GFLOP/s and 4.6 on
// 32x32x32 -> 64x64x3, 16-20 and 4-7
//           on 64x64x64 -> 128x128x3, 14 and 7 on 128x128x128 -> 256x256x3. No better than rung 2 with 6 output channels (4.9-5.2 and
//           3.7-6.4). Limited by loads, which a CPU adapter makes lane by lane. Unmeasured on a GPU. Called by ops::conv_transpose2d.

alias Activation = vec4<f32>; // how activations are stored
alias Weight = vec4<f32>; // how weights are stored
const KERNEL: u32 = 4u; // height and width of the kernel
const STRIDE: u32 = 2u;
const PADDING: u32 = 1u;
const TRANSPOSED_WEIGHT: bool = false;
const HAS_BIAS: bool = false;
const INPUT_SLOPE: f32 = 1.0; // of the leaky ReLU in front of the contraction
const SUBGROUP: u32 = 8u;
const WORKGROUP: u32 = 8u;
const OUT_CHANNELS: u32 = 3u;
const STRIP: u32 = 4u; // pixels of each column parity in a lane's strip
const PIXELS: u32 = STRIDE * STRIP;
const OUT_VECTORS: u32 = (OUT_CHANNELS + 3u) / 4u;
const BEFORE: u32 = (KERNEL - 1u - PADDING) / STRIDE; // input columns left of the strip that reach it
const COLUMNS: u32 = BEFORE + (PIXELS - 1u + PADDING) / STRIDE + 1u; // all that reach it
const WEIGHTS: u32 = KERNEL * 4u * OUT_VECTORS; // weight vec4s of one row of taps and one vec4 of input channels
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

// Part `part` of the block weight[tap, 4*ci4 .., all co], vec4s in memory order.
fn weight_part(tap: u32, ci4: u32, part: u32) -> vec4<f32> {
    if TRANSPOSED_WEIGHT {
        return vec4<f32>(weight[(tap * OUT_VECTORS * 4u + part) * params.in_channels4 + ci4]);
    }
    return vec4<f32>(weight[(tap * params.in_channels4 + ci4) * 4u * OUT_VECTORS + part]);
}

var<private> sums: array<array<f32, PIXELS>, OUT_CHANNELS>;

// The strip of pixels from column `first` on of the row that begins at pixel `row`.
fn store(row: u32, first: u32) {
    for (var p = 0u; p < PIXELS; p++) {
        for (var co4 = 0u; co4 < OUT_VECTORS; co4++) {
            var sum: vec4<f32>; // pad lanes stay zero
            for (var co = 4u * co4; co < min(4u * co4 + 4u, OUT_CHANNELS); co++) {
                sum[co % 4u] = sums[co][p];
                if HAS_BIAS {
                    sum[co % 4u] += bias[co4][co % 4u];
                }
            }
            if first + p < params.out_width {
                output[params.output_offset + (row + first + p) * params.output_stride + co4] = Activation(sum);
            }
        }
    }
}

@compute @workgroup_size(WORKGROUP)
fn conv_transpose2d(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let rows = (params.out_height + STRIDE - 1u) / STRIDE; // of a parity class; the last may not have it
    let row_strips = (params.out_width + PIXELS - 1u) / PIXELS;
    let strips = params.batch * rows * row_strips;
    let strip_groups = (strips + WORKGROUP - 1u) / WORKGROUP;
    let tile = group.y * 65535u + group.x;
    let class_y = tile / strip_groups;
    let strip = tile % strip_groups * WORKGROUP + local;
    let n = min(strip, strips - 1u) / row_strips / rows;
    let y = strip / row_strips % rows;
    let bx = strip % row_strips;
    let first_ky = (class_y + PADDING) % STRIDE;
    let bottom = y + (class_y + PADDING) / STRIDE; // input row that the first tap meets; the next tap meets the row above

    for (var t = 0u; t < (KERNEL - first_ky + STRIDE - 1u) / STRIDE; t++) {
        // Unsigned arithmetic wraps: a row above the image is a huge one, so one comparison bounds
        // both sides.
        let iy = bottom - t;
        for (var ci4 = 0u; ci4 < params.in_channels4; ci4++) {
            var x: array<vec4<f32>, COLUMNS>;
            for (var c = 0u; c < COLUMNS; c++) {
                let ix = bx * STRIP + c - BEFORE;
                let inside = iy < params.in_height && ix < params.in_width;
                let pixel = select(0u, (n * params.in_height + iy) * params.in_width + ix, inside);
                x[c] = select(vec4(0.0), input_vector(params.input_offset + pixel * params.input_stride + ci4), inside);
            }
            var fetched: array<vec4<f32>, FETCHES>;
            for (var f = 0u; f < FETCHES; f++) {
                let part = min(f * SUBGROUP + lane, WEIGHTS - 1u);
                let tap = (first_ky + t * STRIDE) * KERNEL + part / (4u * OUT_VECTORS);
                fetched[f] = weight_part(tap, ci4, part % (4u * OUT_VECTORS));
            }
            // weight[tap of kx, 4*ci4 .., co]
            var w: array<array<vec4<f32>, OUT_CHANNELS>, KERNEL>;
            for (var kx = 0u; kx < KERNEL; kx++) {
                for (var co = 0u; co < OUT_CHANNELS; co++) {
                    if TRANSPOSED_WEIGHT {
                        let part = kx * 4u * OUT_VECTORS + co;
                        w[kx][co] = subgroupShuffle(fetched[part / SUBGROUP], part % SUBGROUP);
                    } else {
                        for (var i = 0u; i < 4u; i++) {
                            let part = (kx * 4u + i) * OUT_VECTORS + co / 4u;
                            w[kx][co][i] = subgroupShuffle(fetched[part / SUBGROUP][co % 4u], part % SUBGROUP);
                        }
                    }
                }
            }
            for (var kx = 0u; kx < KERNEL; kx++) {
                for (var co = 0u; co < OUT_CHANNELS; co++) {
                    for (var i = 0u; i < STRIP; i++) {
                        // The pixels whose column minus kx is a multiple of the stride.
                        let p = i * STRIDE + (kx + STRIDE * PADDING - PADDING) % STRIDE;
                        sums[co][p] += dot(w[kx][co], x[(p + PADDING + STRIDE * BEFORE - kx) / STRIDE]);
                    }
                }
            }
        }
    }
    if class_y < STRIDE && strip < strips && y * STRIDE + class_y < params.out_height {
        store((n * params.out_height + y * STRIDE + class_y) * params.out_width, bx * PIXELS);
    }
}
