// leaky_relu(x) = x > 0 ? x : slope * x. A slope of 1 changes nothing.
//
//   Only the bit patterns of negative numbers are scaled. A NaN is not one of them, so it passes
//   unchanged. Compilers may lose a NaN that is compared or multiplied by 0.

fn leaky_relu(x: vec4<f32>, slope: f32) -> vec4<f32> {
    return select(x, slope * x, bitcast<vec4<u32>>(x) - 0x80000000u <= vec4(0x7f800000u));
}
