// conv_transpose2d, split_k: the contraction in parts, for few pixels and many channels.
//
//   partial[split][n, oy, ox, co] = sum over ky, kx and the part's ci of input[n, iy, ix, ci]
//       * weight[ky, kx, ci, co], iy*STRIDE = oy + padding - ky, ix*STRIDE = ox + padding - kx
// Options   TRANSPOSED_WEIGHT reads weight[ky, kx, co, ci]: the input gradient of conv2d;
//           INPUT_SLOPE reads the input through a leaky ReLU that is stored nowhere; 1 is none
// Layouts   input: [batch, height, width, channels4], offset and pixel stride in vec4s;
//           weight: dense; partial: [splits][pixels][out_channels4] in f32. Pad lanes are zero.
// Bindings  0 params, 1 input, 2 weight, 3 partial
// Grid      threads, folded at 65535: class_count() * ceil(class_pixels() / TILE_PIXELS) *
//           splits * out_channels4; see parts/conv_transpose2d_gather.wgsl
// Limits    splits <= in_channels4; fewer than 2^32 vec4s in every operand
// Speed     GPU: unmeasured, though there it is the default up to 16 pixels a class
// Caller    src/ops/conv_transpose2d.rs
// parts: conv_split_k, conv_transpose2d_gather
