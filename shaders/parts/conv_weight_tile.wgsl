// Four input channels by four output channels of the weight, as a matrix.
//
//   Its product with a vec4 of input channels is a vec4 of output channels. TRANSPOSED_WEIGHT and
//   weight_row(at) come from conv_operands.

// Four rows of the weight, `step` apart.
fn weight_rows(at: u32, step: u32) -> mat4x4<f32> {
    return mat4x4(
        weight_row(at),
        weight_row(at + step),
        weight_row(at + 2u * step),
        weight_row(at + 3u * step),
    );
}

// weight[tap, 4*ci4 .., 4*column ..]
fn weight_tile(tap: u32, ci4: u32, column: u32, out_channels4: u32) -> mat4x4<f32> {
    if TRANSPOSED_WEIGHT {
        let step = params.in_channels4;
        return transpose(weight_rows((tap * out_channels4 + column) * 4u * step + ci4, step));
    }
    let at = (tap * params.in_channels4 + ci4) * 4u * out_channels4 + column;
    return weight_rows(at, out_channels4);
}
