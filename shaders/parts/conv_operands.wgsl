// What conv2d and conv_transpose2d read, by vec4s of channels.
// parts: conv_params, leaky_relu

alias Activation = vec4<f32>; // how activations are stored
alias Weight = vec4<f32>; // how weights are stored
const KERNEL: u32 = 4u; // height and width of the kernel
const STRIDE: u32 = 2u;
const TRANSPOSED_WEIGHT: bool = false;
const INPUT_SLOPE: f32 = 1.0; // of the leaky ReLU in front of the contraction

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
