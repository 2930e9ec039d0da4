// output = image, or with probability 1/2 an older image of the pool, whose place it takes (arXiv
// 1612.07828; the reference's ImagePool)
//
// Images of the run are counted: number = (step - 1) * images_per_step + first + image. The first
// `capacity` fill the pool and pass. Later ones take words 0 and 1 of the Philox4x32-10 block with
//     key = step.seed,  counter = (first + image, 3, step.step, 0):
// bit 31 of word 0 says whether, word 1 modulo capacity which. No buffer counts, so a resumed run
// does the same. The 3 keeps these draws apart from others. Under the monitor's flag images pass.
// Layout: image, output [batch, height, width, channels], each with its own offset and row stride;
// pool [capacity, height, width, channels], f32, dense; channels padded to 4, pad lanes zero.
// Bindings: 0 params, 1 image, 2 pool, 3 output, 4 step, 5 monitor.
// Grid: one thread a vec4 of one image, which walks through the batch (a later image may meet an
// earlier one); folded at 65535. Limits: every index < 2^32.
// Caller: src/ops/image_pool.rs, ImagePool. Speed: bound by memory.
// parts: step, philox

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

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> image: array<Activation>;
@group(0) @binding(2) var<storage, read_write> pool: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> output: array<Activation>;
@group(0) @binding(4) var<uniform> step: Step;
@group(0) @binding(5) var<storage, read> monitor: array<u32>;

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
