// What conv2d and conv_transpose2d write: a vec4 of output channels of a pixel.
//
//   Without a bias any buffer may be bound there.

const HAS_BIAS: bool = false;

@group(0) @binding(3) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> output: array<Activation>;

fn store(pixel: u32, co4: u32, value: vec4<f32>) {
    var sum = value;
    if HAS_BIAS {
        sum += bias[co4];
    }
    // The channels that are not real are pad lanes.
    let real = vec4(co4 * 4u) + vec4(0u, 1u, 2u, 3u) < vec4(params.out_channels);
    let at = params.output_offset + pixel * params.output_stride + co4;
    output[at] = Activation(select(vec4(0.0), sum, real));
}
