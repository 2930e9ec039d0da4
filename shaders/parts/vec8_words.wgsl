// Eight channels of a map in one load, as four 64-bit words. On a CPU adapter, which loads lane by
// lane and word by word, that is half the loads of two vec4s.
//
//   The two halves of a word are an even and an odd channel. They are kept apart from the load to
//   the store.

// Eight numbers: those at even places and those at odd ones.
struct Vec8 {
    even: vec4<f32>,
    odd: vec4<f32>,
}

fn vec8(pairs: vec4<u64>) -> Vec8 {
    let even = bitcast<vec4<f32>>(vec4<u32>(pairs));
    return Vec8(even, bitcast<vec4<f32>>(vec4<u32>(pairs >> vec4(32u))));
}

fn words(even: vec4<f32>, odd: vec4<f32>) -> vec4<u64> {
    let high = vec4<u64>(bitcast<vec4<u32>>(odd)) << vec4(32u);
    return vec4<u64>(bitcast<vec4<u32>>(even)) | high;
}
