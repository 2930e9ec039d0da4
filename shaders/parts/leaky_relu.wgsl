// leaky_relu(x) = x > 0 ? x : slope * x. A slope of 1 changes nothing.
//
//   The slope is for the bits of negative numbers. Among them is no NaN: where a NaN is compared or
//   multiplied by 0, compilers may lose it.

fn leaky_relu(x: vec4<f32>, slope: f32) -> vec4<f32> {
    return select(x, slope * x, bitcast<vec4<u32>>(x) - 0x80000000u <= vec4(0x7f800000u));
}
