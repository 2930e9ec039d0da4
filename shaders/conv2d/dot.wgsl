// conv2d, dot: few output channels, each a dot product that the lanes of a subgroup share.
//
//   output[n, oy, ox, co] = bias[co] + sum over ky, kx, ci of
//       input[n, oy*STRIDE + ky - padding, ox*STRIDE + kx - padding, ci] * weight[ky, kx, ci, co]
// Options   TRANSPOSED_WEIGHT reads weight[ky, kx, co, ci]: the input gradient of conv_transpose2d;
//           INPUT_SLOPE reads the input through a leaky ReLU that is stored nowhere; 1 is none
// Layouts   input, output: [batch, height, width, channels4], offsets and pixel strides in vec4s;
//           weight, bias: dense. Pad lanes (channels are rounded up to 4) are zero, in and out.
// Bindings  0 params, 1 input, 2 weight, 3 bias (any buffer if !HAS_BIAS), 4 output
// Grid      batch * out_height * ceil(out_width / STRIP) subgroups, folded at 65535
// Limits    OUT_CHANNELS channels exactly, at most 4; SUBGROUP as in 4_broadcast
// Speed     lavapipe 22.3: 2.5-3.1 GFLOP/s, 2_register 1.1 (two 7x7x128 -> 6x6x1); GPU unmeasured
// Caller    src/ops/conv2d.rs
// parts: conv_operands, conv_result, gather

const SUBGROUP: u32 = 8u;
const WORKGROUP: u32 = 8u;
const OUT_CHANNELS: u32 = 1u;
const STRIP: u32 = 6u; // pixels of a row that a subgroup computes
const COLUMNS: u32 = (STRIP - 1u) * STRIDE + KERNEL; // input columns under a strip
const_assert WORKGROUP % SUBGROUP == 0u && OUT_CHANNELS <= 4u;

// weight[tap, 4*ci4 .., co]
fn weight_column(tap: u32, ci4: u32, co: u32) -> vec4<f32> {
    if TRANSPOSED_WEIGHT {
        return vec4<f32>(weight[(tap * 4u + co) * params.in_channels4 + ci4]);
    }
    let at = (tap * params.in_channels4 + ci4) * 4u;
    return vec4<f32>(
        vec4(weight[at][co], weight[at + 1u][co], weight[at + 2u][co], weight[at + 3u][co]),
    );
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
    let image = row / params.out_height * params.in_height; // row of the batch where it begins
    let top = row % params.out_height * STRIDE - params.padding;
    let left = ox * STRIDE - params.padding;

    var sums: array<f32, STRIP * OUT_CHANNELS>;
    for (var first = 0u; first < params.in_channels4; first += SUBGROUP) {
        let ci4 = min(first + lane, params.in_channels4 - 1u);
        for (var ky = 0u; ky < KERNEL; ky++) {
            var x: array<vec4<f32>, COLUMNS>;
            for (var c = 0u; c < COLUMNS; c++) {
                let source = source_at(image, top + ky, left + c);
                let inside = first + lane < params.in_channels4 && source.inside;
                let pixel = select(0u, source.pixel, inside);
                let at = params.input_offset + pixel * params.input_stride + ci4;
                x[c] = select(vec4(0.0), input_vector(at), inside);
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
            let pixel = row * params.out_width + ox + p;
            output[params.output_offset + pixel * params.output_stride] = Activation(sum);
        }
    }
}
