// Draws of four neighbouring elements. The shader declares block(number), the draws of the elements
// 4 * number and the three behind it.

// The draws from element `first` on, which starts inside a block when the channels are no multiple
// of 4.
fn draws(first: u32) -> vec4<f32> {
    let here = block(first / 4u);
    let shift = first % 4u;
    if shift == 0u {
        return here;
    }
    let next = block(first / 4u + 1u);
    if shift == 1u {
        return vec4<f32>(here.yzw, next.x);
    }
    if shift == 2u {
        return vec4<f32>(here.zw, next.xy);
    }
    return vec4<f32>(here.w, next.xyz);
}

// 0..1 from the upper 24 bits of each word.
fn uniform_of(words: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(words >> vec4<u32>(8u)) / 16777216.0;
}
