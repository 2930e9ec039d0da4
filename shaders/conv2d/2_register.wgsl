// conv2d, 2_register: a register tile, and nothing else: no subgroups, no barrier.
//
//   output[n, oy, ox, co] = bias[co] + sum over ky, kx, ci of
//       input[n, oy*STRIDE + ky - padding, ox*STRIDE + kx - padding, ci] * weight[ky, kx, ci, co]
// Options   TRANSPOSED_WEIGHT reads weight[ky, kx, co, ci]: the input gradient of conv_transpose2d;
//           INPUT_SLOPE reads the input through a leaky ReLU that is stored nowhere; 1 is none
// Layouts   input, output: [batch, height, width, channels4], offsets and pixel strides in vec4s;
//           weight, bias: dense. Pad lanes (channels are rounded up to 4) are zero, in and out.
// Bindings  0 params, 1 input, 2 weight, 3 bias (any buffer if !HAS_BIAS), 4 output
// Grid      threads, folded at 65535: class_count() * ceil(class_pixels() / TILE_PIXELS) *
//           ceil(out_channels4 / TILE_VECTORS); see parts/conv2d_gather.wgsl
// Limits    fewer than 2^32 vec4s in every operand
// Speed     9-18 GFLOP/s on lavapipe 22.3's large layers; wins up to 8 output channels
// Caller    src/ops/conv2d.rs
// parts: conv_register, conv2d_gather
