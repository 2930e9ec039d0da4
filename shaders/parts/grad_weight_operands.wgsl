// What conv2d_grad_weight reads and writes, by vec4s of channels.
// parts: grad_weight_params, leaky_relu

alias Activation = vec4<f32>; // how activations are stored
alias Gradient = vec4<f32>; // how gradients of parameters are stored
const KERNEL: u32 = 4u; // height and width of the kernel
const STRIDE: u32 = 2u;
const TRANSPOSED_OUTPUT: bool = false;
const LARGE_SLOPE: f32 = 1.0; // of the leaky ReLU in front of the large map
const SMALL_SLOPE: f32 = 1.0; // and of the small one

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> large: array<Activation>;
@group(0) @binding(2) var<storage, read> small: array<Activation>;
@group(0) @binding(3) var<storage, read_write> grad_weight: array<Gradient>;

// Four numbers of either map as they enter the sum.
fn large_vector(at: u32) -> vec4<f32> {
    return leaky_relu(vec4<f32>(large[at]), LARGE_SLOPE);
}

fn small_vector(at: u32) -> vec4<f32> {
    return leaky_relu(vec4<f32>(small[at]), SMALL_SLOPE);
}
