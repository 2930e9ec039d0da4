// Eight input channels by eight output channels of a weight, as four matrices.
//
//   Their products with an input's even and odd channels are even and odd channels of the output.
//   The shader declares weight_words(at), which loads eight numbers of the weight.
// parts: vec8_words

struct Block {
    even_even: mat4x4<f32>, // output, input
    even_odd: mat4x4<f32>,
    odd_even: mat4x4<f32>,
    odd_odd: mat4x4<f32>,
}

// The block whose rows are the vec8s at `at`, `step` apart: a row is an input channel, or with
// `transposed` an output channel.
fn block_at(at: u32, step: u32, transposed: bool) -> Block {
    let row_0 = vec8(weight_words(at));
    let row_1 = vec8(weight_words(at + step));
    let row_2 = vec8(weight_words(at + 2u * step));
    let row_3 = vec8(weight_words(at + 3u * step));
    let row_4 = vec8(weight_words(at + 4u * step));
    let row_5 = vec8(weight_words(at + 5u * step));
    let row_6 = vec8(weight_words(at + 6u * step));
    let row_7 = vec8(weight_words(at + 7u * step));
    let even_even = mat4x4(row_0.even, row_2.even, row_4.even, row_6.even);
    let odd_odd = mat4x4(row_1.odd, row_3.odd, row_5.odd, row_7.odd);
    let odds_of_even = mat4x4(row_0.odd, row_2.odd, row_4.odd, row_6.odd);
    let evens_of_odd = mat4x4(row_1.even, row_3.even, row_5.even, row_7.even);
    if transposed {
        return Block(
            transpose(even_even),
            transpose(odds_of_even),
            transpose(evens_of_odd),
            transpose(odd_odd),
        );
    }
    return Block(even_even, evens_of_odd, odds_of_even, odd_odd);
}
