// Numbers eight at a time as four words of 64 bits: f32 alone, for devices that load and store lane
// by lane. It stands in the place of vec4.wgsl, where each function is explained.
//
// A thread holds the four numbers at even places and the four at odd ones, so that all operands
// are taken alike. Limits: 64-bit integers, columns of eight channels, even offsets and strides.

const VECTORS: u32 = 2u;
alias Numbers = array<vec4<f32>, VECTORS>;
alias Stored = vec4<u64>;
alias Exact = vec4<u64>;
alias Other = vec4<u64>;

fn load(words: Stored) -> Numbers {
    let even = bitcast<vec4<f32>>(vec4<u32>(words));
    return Numbers(even, bitcast<vec4<f32>>(vec4<u32>(words >> vec4(32u))));
}

fn store(numbers: Numbers) -> Stored {
    let odd = vec4<u64>(bitcast<vec4<u32>>(numbers[1])) << vec4(32u);
    return vec4<u64>(bitcast<vec4<u32>>(numbers[0])) | odd;
}

fn load_exact(words: Exact) -> Numbers {
    return load(words);
}

fn store_exact(numbers: Numbers) -> Exact {
    return store(numbers);
}

fn load_other(words: Other) -> Numbers {
    return load(words);
}

fn numbers_of(low: vec4<f32>, high: vec4<f32>) -> Numbers {
    return Numbers(vec4(low.xz, high.xz), vec4(low.yw, high.yw));
}

fn channels_of(column: u32, v: u32) -> vec4<u32> {
    return 8u * column + v + vec4<u32>(0u, 2u, 4u, 6u);
}
