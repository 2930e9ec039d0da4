// conv_transpose2d, thin: few output channels, counted exactly. For the generator's last layer.
//
//   output[n, oy, ox, co] = bias[co] + sum over ky, kx, ci of input[n, iy, ix, ci]
//       * weight[ky, kx, ci, co], iy*STRIDE = oy + padding - ky, ix*STRIDE = ox + padding - kx
// Options   TRANSPOSED_WEIGHT reads weight[ky, kx, co, ci]: the input gradient of conv2d;
//           INPUT_SLOPE reads the input through a leaky ReLU that is stored nowhere; 1 is none
// Layouts   input, output: [batch, height, width, channels4], offsets and pixel strides in vec4s;
//           weight, bias: dense. Pad lanes (channels are rounded up to 4) are zero, in and out.
// Bindings  0 params, 1 input, 2 weight, 3 bias (any buffer if !HAS_BIAS), 4 output
// Grid      STRIDE * ceil(strips / WORKGROUP) groups, folded at 65535;
//           strips = batch * ceil(out_height / STRIDE) * ceil(out_width / (STRIDE * STRIP))
// Limits    OUT_CHANNELS channels exactly; PADDING < KERNEL; SUBGROUP as in 4_broadcast
// Speed     lavapipe 22.3: 10-15 GFLOP/s, 2_register 4.6 (32x32x32 -> 64x64x3); GPU unmeasured
// Caller    src/ops/conv_transpose2d.rs
// parts: conv_operands, conv_result, gather

const PADDING: u32 = 1u;
const SUBGROUP: u32 = 8u;
const WORKGROUP: u32 = 8u;
const OUT_CHANNELS: u32 = 3u;
const STRIP: u32 = 4u; // pixels of each column parity in a lane's strip
const PIXELS: u32 = STRIDE * STRIP;
const OUT_VECTORS: u32 = (OUT_CHANNELS + 3u) / 4u;
// Input columns that reach the strip: those left of it, and all.
const BEFORE: u32 = (KERNEL - 1u - PADDING) / STRIDE;
const COLUMNS: u32 = BEFORE + (PIXELS - 1u + PADDING) / STRIDE + 1u;
// Weight vec4s of one row of taps and one vec4 of input channels.
const WEIGHTS: u32 = KERNEL * 4u * OUT_VECTORS;
const FETCHES: u32 = (WEIGHTS + SUBGROUP - 1u) / SUBGROUP; // of them a lane fetches so many
const_assert WORKGROUP % SUBGROUP == 0u;

// Part `part` of the block weight[tap, 4*ci4 .., all co], vec4s in memory order.
fn weight_part(tap: u32, ci4: u32, part: u32) -> vec4<f32> {
    if TRANSPOSED_WEIGHT {
        return weight_row((tap * OUT_VECTORS * 4u + part) * params.in_channels4 + ci4);
    }
    return weight_row((tap * params.in_channels4 + ci4) * 4u * OUT_VECTORS + part);
}

var<private> sums: array<array<f32, PIXELS>, OUT_CHANNELS>;

// The strip of pixels from column `first` on of the row that begins at pixel `row`.
fn store_strip(row: u32, first: u32) {
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
                let pixel = row + first + p;
                output[params.output_offset + pixel * params.output_stride + co4] = Activation(sum);
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
    // Rows of one remainder by the stride; the last ones may not have as many.
    let rows = (params.out_height + STRIDE - 1u) / STRIDE;
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
    // The input row that the first tap meets; the next tap meets the row above.
    let bottom = y + (class_y + PADDING) / STRIDE;

    for (var t = 0u; t < (KERNEL - first_ky + STRIDE - 1u) / STRIDE; t++) {
        for (var ci4 = 0u; ci4 < params.in_channels4; ci4++) {
            var x: array<vec4<f32>, COLUMNS>;
            for (var c = 0u; c < COLUMNS; c++) {
                let source = source_at(n * params.in_height, bottom - t, bx * STRIP + c - BEFORE);
                let at = params.input_offset + source.pixel * params.input_stride + ci4;
                x[c] = select(vec4(0.0), input_vector(at), source.inside);
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
                            let own = fetched[part / SUBGROUP][co % 4u];
                            w[kx][co][i] = subgroupShuffle(own, part % SUBGROUP);
                        }
                    }
                }
            }
            for (var kx = 0u; kx < KERNEL; kx++) {
                for (var co = 0u; co < OUT_CHANNELS; co++) {
                    for (var i = 0u; i < STRIP; i++) {
                        // The pixels whose column minus kx is a multiple of the stride.
                        let p = i * STRIDE + (kx + STRIDE * PADDING - PADDING) % STRIDE;
                        let column = (p + PADDING + STRIDE * BEFORE - kx) / STRIDE;
                        sums[co][p] += dot(w[kx][co], x[column]);
                    }
                }
            }
        }
    }
    if class_y < STRIDE && strip < strips && y * STRIDE + class_y < params.out_height {
        store_strip((n * params.out_height + y * STRIDE + class_y) * params.out_width, bx * PIXELS);
    }
}
