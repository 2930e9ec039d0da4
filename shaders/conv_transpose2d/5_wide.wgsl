// conv_transpose2d, 5_wide: 4_broadcast with loads of eight numbers as four 64-bit words.
//
//   output[n, oy, ox, co] = bias[co] + sum over ky, kx, ci of input[n, iy, ix, ci]
//       * weight[ky, kx, ci, co], iy*stride = oy + padding - ky, ix*stride = ox + padding - kx
// Options   TRANSPOSED_WEIGHT reads weight[ky, kx, co, ci]: the input gradient of conv2d;
//           input_slope reads the input through a leaky ReLU that is stored nowhere; 1 is none
// Layouts   input, output: [batch, height, width, channels4], offsets and pixel strides in vec4s;
//           weight, bias: dense. Pad lanes (channels are rounded up to 4) are zero, in and out.
// Bindings  0 params, 1 input, 2 weight, 3 bias (any buffer if !HAS_BIAS), 4 output
// Grid      subgroups, folded at 65535: class_count() * ceil(class_pixels() / TILE_PIXELS) *
//           ceil(out_channels / (8 * SUBGROUP)); see parts/conv_transpose2d_gather.wgsl
// Limits    those of 4_broadcast; channel counts are multiples of 8, offsets and strides even
// Speed     1.12-1.28 times 4_broadcast on lavapipe 22.3 from 64 channels on; GPU: unmeasured
// Caller    src/ops/conv_transpose2d.rs
// parts: conv_wide, conv_transpose2d_gather
