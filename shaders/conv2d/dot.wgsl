// conv2d, rung 8: few output channels, each a dot product that the lanes of a subgroup share. For
// the discriminator's last layer.
//
//   output[n, oy, ox, co] = bias[co] + sum over ky, kx, ci of
//       input[n, oy*STRIDE + ky - padding, ox*STRIDE + kx - padding, ci] * weight[ky, kx, ci, co]
//
// A subgroup computes a strip of STRIP neighbouring pixels of a row; a lane sums its own vec4s of
// input channels, and the sums of all lanes are added at the end. Of each input row a lane fetches
// the columns under the strip once, for all taps that meet them, and of the weight only the real
// output channels.
// TRANSPOSED_WEIGHT reads weight[ky, kx, co, ci] instead: that is the input gradient of
// conv_transpose2d.
// INPUT_SLOPE reads the input through a leaky ReLU, x > 0 ? x : INPUT_SLOPE * x, that is stored
// nowhere; 1 is none.
//
// Layouts input, output: [batch, height, width, channels4], offsets and pixel strides in vec4s;
// weight, bias: dense.
//           Channel counts are rounded up to 4 in memory; pad lanes are zero in, and written as zero.
// Bindings  0 params, 1 input, 2 weight, 3 bias (any buffer if !HAS_BIAS: it is not read), 4 output
// Grid batch * out_height * ceil(out_width / STRIP) strips, one a subgroup: ceil(strips /
// (WORKGROUP / SUBGROUP)) groups, folded
//           at 65535
// Limits OUT_CHANNELS is the output's channel count, exactly, and at most 4; SUBGROUP is the
// device's subgroup size, exactly;
//           WORKGROUP is a multiple of it; no lane leaves early
// Speed lavapipe 22.3, medians of two rounds beside rung 2 in one run: 2.5-3.1 GFLOP/s and 1.1 on
// two of 7x7x128 -> 6x6x1, 2.8-4.5
//           and 2.3 on two of 15x15x256 -> 14x14x1. Limited by the weights, of which a load brings one number in four.
//           Unmeasured on a GPU. Called by ops::conv2d.

alias Activation = vec4<f32>; // how activations are stored
alias Weight = vec4<f32>; // how weights are stored
const KERNEL: u32 = 4u; // height and width of the kernel
const STRIDE: u32 = 2u;
const TRANSPOSED_WEIGHT: bool = false;
const HAS_BIAS: bool = false;
const INPUT_SLOPE: f32 = 1.0; // of the leaky ReLU in front of the contraction
const SUBGROUP: u32 = 8u;
const WORKGROUP: u32 = 8u;
const OUT_CHANNELS: u32 = 1u;
const STRIP: u32 = 6u; // pixels of a row that a subgroup computes
const COLUMNS: u32 = (STRIP - 1u) * STRIDE + KERNEL; // input columns under a strip
const_assert WORKGROUP % SUBGROUP == 0u && OUT_CHANNELS <= 4u;

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

// weight[tap, 4*ci4 .., co]
fn weight_column(tap: u32, ci4: u32, co: u32) -> vec4<f32> {
    if TRANSPOSED_WEIGHT {
        return vec4<f32>(weight[(tap * 4u + co) * params.in_channels4 + ci4]);
    }
    let at = (tap * params.in_channels4 + ci4) * 4u;
    return vec4<f32>(vec4(weight[at][co], weight[at + 1u][co], weight[at + 2u][co], weight[at + 3u][co]));
}

@compute @workgroup_size(WORKGROUP)
fn conv2d(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let row_strips = (params.out_width + STRIP - 1u) / STRIP;
    let strips = params.batch * params.out_height * row_strips;
    let strip = (group.y * 65535u + group.x) * (WORKGROUP / SUBGROUP) + subgroup;
    let row = min(strip, strips - 1u) / row_strips; // of all images
    let ox = strip % row_strips * STRIP;
    let image = row / params.out_height * params.in_height; // row of the batch where the image begins
    let top = row % params.out_height * STRIDE - params.padding;
    let left = ox * STRIDE - params.padding;

    var sums: array<f32, STRIP * OUT_CHANNELS>;
    for (var first = 0u; first < params.in_channels4; first += SUBGROUP) {
        let ci4 = min(first + lane, params.in_channels4 - 1u);
        for (var ky = 0u; ky < KERNEL; ky++) {
            // Unsigned arithmetic wraps: a row above the image is a huge one, so one comparison
            // bounds both sides.
            let y = top + ky;
            var x: array<vec4<f32>, COLUMNS>;
            for (var c = 0u; c < COLUMNS; c++) {
                let inside = first + lane < params.in_channels4 && y < params.in_height && left + c < params.in_width;
                let pixel = select(0u, (image + y) * params.in_width + left + c, inside);
                x[c] = select(vec4(0.0), input_vector(params.input_offset + pixel * params.input_stride + ci4), inside);
            }
            for (var kx = 0u; kx < KERNEL; kx++) {
                for (var co = 0u; co < OUT_CHANNELS; co++) {
                    let w = weight_column(ky * KERNEL + kx, ci4, co);
                    for (var p = 0u; p < STRIP; p++) {
                        sums[co * STRIP + p] += dot(w, x[p * STRIDE + kx]);
                    }
                }
            }
        }
    }
    for (var p = 0u; p < STRIP; p++) {
        var sum: vec4<f32>; // pad lanes stay zero
        for (var co = 0u; co < OUT_CHANNELS; co++) {
            sum[co] = subgroupAdd(sums[co * STRIP + p]);
            if HAS_BIAS {
                sum[co] += bias[0][co];
            }
        }
        if lane == 0u && strip < strips && ox + p < params.out_width {
            output[params.output_offset + (row * params.out_width + ox + p) * params.output_stride] = Activation(sum);
        }
    }
}
