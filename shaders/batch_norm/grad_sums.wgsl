// Sums that the gradients of a normalisation need, over chunks of the pixels of a group:
//   grad = value > 0 ? grad_output : slope * grad_output   MASKED: through the activation behind;
//                                                          else grad_output
//   output[chunk][group] = sum of grad, sum of grad * (input - mean) * inv_std
//
// With one chunk that is the result, else reduce.wgsl or grad_merge.wgsl adds the chunks. value is
// the activation's output.
// Layout: grad_output, value and input [groups][pixels][channels], NHWC; stats
// [groups][2][channels]; output [chunks][groups][2][channels]; channels padded to 4.
// Bindings: 0 params, 1 grad_output, 2 input, 3 stats, 4 value (anything without MASKED), 5 output.
// Grid: one thread a (chunk, group, column), workgroups folded at 65535.
// Limits: every index < 2^32, no chunk empty.
// Caller: src/ops/batch_norm/grad.rs, GradSums and MaskedGradSums.
// Speed: bound by memory, 8 bytes an element, MASKED 12; 8-wide where lanes load one by one.
// parts: vec4

const MASKED: bool = false;
const WORKGROUP: u32 = 64u;

struct Params {
    channels4: u32,
    groups: u32,
    pixels: u32, // of a group
    chunks: u32,
    chunk_pixels: u32,
    grad_output_offset: u32, // offsets and strides count vec4s
    grad_output_stride: u32,
    input_offset: u32,
    input_stride: u32,
    stats_offset: u32,
    stats_stride: u32,
    output_offset: u32,
    output_stride: u32,
    value_offset: u32,
    value_stride: u32,
    slope: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> grad_output: array<Stored>;
@group(0) @binding(2) var<storage, read> input: array<Stored>;
@group(0) @binding(3) var<storage, read> stats: array<Exact>;
@group(0) @binding(4) var<storage, read> value: array<Stored>;
@group(0) @binding(5) var<storage, read_write> output: array<Exact>;

@compute @workgroup_size(WORKGROUP)
fn grad_sums(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = (wid.y * 65535u + wid.x) * WORKGROUP + lane;
    let columns = params.channels4 / VECTORS;
    if index >= params.chunks * params.groups * columns {
        return;
    }
    let column = index % columns;
    let part = index / columns;
    let group = part % params.groups;
    let start = part / params.groups * params.chunk_pixels;
    let end = min(start + params.chunk_pixels, params.pixels);

    let place = (params.stats_offset + 2u * group * params.stats_stride) / VECTORS + column;
    let mean = load_exact(stats[place]);
    let inv_std = load_exact(stats[place + params.stats_stride / VECTORS]);
    var sum: Numbers;
    var products: Numbers;
    for (var pixel = start; pixel < end; pixel++) {
        let row = group * params.pixels + pixel;
        let grad_at = (params.grad_output_offset + row * params.grad_output_stride) / VECTORS;
        let x_at = (params.input_offset + row * params.input_stride) / VECTORS;
        var grad = load(grad_output[grad_at + column]);
        let x = load(input[x_at + column]);
        if MASKED {
            let value_at = (params.value_offset + row * params.value_stride) / VECTORS;
            let v = load(value[value_at + column]);
            for (var k = 0u; k < VECTORS; k++) {
                grad[k] = select(params.slope * grad[k], grad[k], v[k] > vec4<f32>(0.0));
            }
        }
        for (var k = 0u; k < VECTORS; k++) {
            sum[k] += grad[k];
            products[k] += grad[k] * (x[k] - mean[k]);
        }
    }
    for (var k = 0u; k < VECTORS; k++) {
        products[k] *= inv_std[k];
    }
    let first = (params.output_offset + 2u * part * params.output_stride) / VECTORS + column;
    output[first] = store_exact(sum);
    output[first + params.output_stride / VECTORS] = store_exact(products);
}
