// output = image, or with probability 1/2 an older image of the pool, whose place it takes (arXiv
// 1612.07828; the reference's ImagePool)
//
//   Images of the run are counted: number = (step - 1) * images_per_step + first + image. The first `capacity` fill the pool and pass.
//   Later ones take words 0 and 1 of the Philox4x32-10 block with
//       key = step.seed,  counter = (first + image, 3, step.step, 0):   bit 31 of word 0 says whether, word 1 modulo capacity which.
//   No buffer counts: what a resumed run does is the same. The 3 keeps these draws apart from those of dropout and of other values.
//
// Layouts image, output: [batch, height, width, channels], each with its own offset and row stride;
// pool: [capacity, height, width,
//           channels], f32, dense. Channels are padded to 4, pad lanes stay zero because the images' are.
// Bindings  0 params, 1 image, 2 pool, 3 output, 4 step, 5 monitor
// Grid one thread a vec4 of one image, which walks through the batch: a later image may meet an
// earlier one of the same batch.
//           Workgroups folded at 65535.
// Once the monitor's flag is up the pool stays as it is, and images pass. Bound by memory. Caller:
// ops/image_pool.rs, ImagePool.

alias Activation = vec4<f32>; // how activations are stored
const WORKGROUP: u32 = 64u;

struct Params {
    batch: u32,
    pixels: u32, // of one image
    channels4: u32,
    capacity: u32,
    first: u32, // images of the step before these
    images_per_step: u32,
    image_offset: u32, // offsets and strides count vec4s
    image_stride: u32,
    output_offset: u32,
    output_stride: u32,
    pad_0: u32,
    pad_1: u32,
}

struct Step {
    seed: vec2<u32>,
    step: u32,
    ring_row: u32,
    learning_rate: f32,
    bias_correction1: f32,
    bias_correction2: f32,
    pad: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> image: array<Activation>;
@group(0) @binding(2) var<storage, read_write> pool: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> output: array<Activation>;
@group(0) @binding(4) var<uniform> step: Step;
@group(0) @binding(5) var<storage, read> monitor: array<u32>;

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
        counter = vec4<u32>(high_1 ^ counter.y ^ key.x, 0xCD9E8D57u * counter.z, high_0 ^ counter.w ^ key.y, 0xD2511F53u * counter.x);
        key += vec2<u32>(0x9E3779B9u, 0xBB67AE85u);
    }
    return counter;
}

@compute @workgroup_size(WORKGROUP)
fn exchange(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = (group.y * 65535u + group.x) * WORKGROUP + lane;
    let size = params.pixels * params.channels4;
    if index >= size {
        return;
    }
    let pixel = index / params.channels4;
    let column = index % params.channels4;
    // Before this step; more than the pool holds is as much as it holds.
    let before = min((step.step - 1u) * params.images_per_step, params.capacity);
    let filled = select(before, params.capacity, step.step - 1u >= params.capacity);
    for (var i = 0u; i < params.batch; i++) {
        let row = i * params.pixels + pixel;
        let fresh = vec4<f32>(image[params.image_offset + row * params.image_stride + column]);
        var chosen = fresh;
        let number = filled + params.first + i;
        let draw = philox(vec4<u32>(params.first + i, 3u, step.step, 0u), step.seed);
        let is_full = number >= params.capacity;
        if monitor[0] == 0u && (!is_full || draw.x >= 0x80000000u) {
            let place = select(number, draw.y % params.capacity, is_full) * size + index;
            if is_full {
                chosen = pool[place];
            }
            pool[place] = fresh;
        }
        output[params.output_offset + row * params.output_stride + column] = Activation(chosen);
    }
}
