// Philox4x32-10, a counter-based generator: four random words for each counter and key.
//
//   Ten rounds of two 32 x 32 bit products. Salmon et al., "Parallel random numbers", SC 2011.

// High word of the 64-bit product, by 16-bit halves.
fn multiply_high(a: u32, b: u32) -> u32 {
    let low = (a & 0xffffu) * (b & 0xffffu);
    let cross = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
    let other = (a & 0xffffu) * (b >> 16u) + (cross & 0xffffu);
    return (a >> 16u) * (b >> 16u) + (cross >> 16u) + (other >> 16u);
}

fn philox(first: vec4<u32>, seed: vec2<u32>) -> vec4<u32> {
    var counter = first;
    var key = seed;
    for (var round = 0u; round < 10u; round++) {
        let high_0 = multiply_high(0xD2511F53u, counter.x);
        let high_1 = multiply_high(0xCD9E8D57u, counter.z);
        let low_0 = 0xD2511F53u * counter.x;
        let low_1 = 0xCD9E8D57u * counter.z;
        counter = vec4<u32>(high_1 ^ counter.y ^ key.x, low_1, high_0 ^ counter.w ^ key.y, low_0);
        key += vec2<u32>(0x9E3779B9u, 0xBB67AE85u);
    }
    return counter;
}
