// conv_transpose2d, matrix: matrix units. The operands are rounded to f16, the sums stay f32.
//
//   output[n, oy, ox, co] = bias[co] + sum over ky, kx, ci of input[n, iy, ix, ci]
//       * weight[ky, kx, ci, co], iy*STRIDE = oy + padding - ky, ix*STRIDE = ox + padding - kx
// Options   TRANSPOSED_WEIGHT reads weight[ky, kx, co, ci]: the input gradient of conv2d;
//           INPUT_SLOPE reads the input through a leaky ReLU that is stored nowhere; 1 is none
// Layouts   input, output: [batch, height, width, channels4], offsets and pixel strides in vec4s;
//           weight, bias: dense. Pad lanes (channels are rounded up to 4) are zero, in and out.
// Bindings  0 params, 1 input, 2 weight, 3 bias (any buffer if !HAS_BIAS), 4 output
// Grid      groups, folded at 65535: class_count() * ceil(class_pixels() / TILE_PIXELS) *
//           ceil(out_channels / TILE_CHANNELS); see parts/conv_transpose2d_gather.wgsl
// Limits    subgroups of exactly SUBGROUP lanes; numbers of input and weight below 65 520
// Speed     GPU: unmeasured; 5-10 GFLOP/s on lavapipe 26.1, which has none
// Caller    src/ops/conv_transpose2d.rs
// parts: conv_matrix, conv_transpose2d_gather

enable f16;
enable wgpu_cooperative_matrix;
