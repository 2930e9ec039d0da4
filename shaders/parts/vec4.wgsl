// Numbers four at a time, for kernels of either vector width; vec8.wgsl is the other one.
//
// A thread takes VECTORS vec4s at a time. In memory, Stored may be f16, Exact is always f32, and
// Other is a second operand with its own type.

const VECTORS: u32 = 1u;
alias Numbers = array<vec4<f32>, VECTORS>;
alias Stored = vec4<f32>; // how activations and gradients are stored
alias Exact = vec4<f32>;
alias Other = vec4<f32>; // how a second operand is stored

fn load(stored: Stored) -> Numbers {
    return Numbers(vec4<f32>(stored));
}

fn store(numbers: Numbers) -> Stored {
    return Stored(numbers[0]);
}

fn load_exact(stored: Exact) -> Numbers {
    return Numbers(stored);
}

fn store_exact(numbers: Numbers) -> Exact {
    return numbers[0];
}

fn load_other(stored: Other) -> Numbers {
    return Numbers(vec4<f32>(stored));
}

// The numbers of VECTORS neighbouring vec4s; here of the first one.
fn numbers_of(low: vec4<f32>, high: vec4<f32>) -> Numbers {
    return Numbers(low);
}

// The channels that vector `v` of column `column` holds.
fn channels_of(column: u32, v: u32) -> vec4<u32> {
    return 4u * column + vec4<u32>(0u, 1u, 2u, 3u);
}
