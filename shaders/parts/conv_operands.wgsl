// What conv2d and conv_transpose2d read, by vec4s of channels.
//
//   The shader declares Activation, Weight, STRIDE and INPUT_SLOPE.
// parts: conv_params, leaky_relu

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<Activation>;
@group(0) @binding(2) var<storage, read> weight: array<Weight>;

fn stride() -> u32 {
    return STRIDE;
}

// Four input numbers as they enter the sum.
fn input_vector(at: u32) -> vec4<f32> {
    return leaky_relu(vec4<f32>(input[at]), INPUT_SLOPE);
}

fn weight_row(at: u32) -> vec4<f32> {
    return vec4<f32>(weight[at]);
}
