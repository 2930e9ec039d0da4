// conv_transpose2d, rung 4: a workgroup tile in shared memory. The rung for GPUs.
//
//   output[n, oy, ox, co] = bias[co] + sum over ci and the ky, kx with oy + padding - ky = iy*STRIDE, ox + padding - kx = ix*STRIDE of
//       input[n, iy, ix, ci] * weight[ky, kx, ci, co]
//
// A workgroup computes THREADS*THREAD_PIXELS pixels of one parity class (oy % STRIDE, ox % STRIDE),
// which share their taps, x THREADS*THREAD_VECTORS vec4s of output channels. The contraction, (tap
// of the class, vec4 of ci) counted as one list, is walked STAGE vec4s at a time: all threads fetch
// them into shared memory, then each multiplies its own register tile. TRANSPOSED_WEIGHT reads
// weight[ky, kx, co, ci] instead: that is the input gradient of conv2d.
// INPUT_SLOPE reads the input through a leaky ReLU, x > 0 ? x : INPUT_SLOPE * x, that is stored
// nowhere; 1 is none.
//
// Layouts input, output: [batch, height, width, channels4], offsets and pixel strides in vec4s;
// weight, bias: dense.
//           Channel counts are rounded up to 4 in memory; pad lanes are zero in, and written as zero.
// Bindings  0 params, 1 input, 2 weight, 3 bias (any buffer if !HAS_BIAS: it is not read), 4 output
// Grid STRIDE^2 * ceil(batch * ceil(out_height / STRIDE) * ceil(out_width / STRIDE) / (THREADS *
// THREAD_PIXELS))
//           * ceil(out_channels4 / (THREADS * THREAD_VECTORS)) groups, folded at 65535
// Limits THREADS^2 invocations; STAGE * THREAD_PIXELS a multiple of THREADS; STAGE * THREAD_VECTORS
// <= THREADS;
//           16 * STAGE * THREADS * (THREAD_PIXELS + 4 * THREAD_VECTORS) bytes of workgroup memory
// Speed unmeasured on a GPU. 4-8 GFLOP/s on lavapipe 22.3, where barriers and shared memory only
// cost. Called by
//           ops::conv_transpose2d.

alias Activation = vec4<f32>; // how activations are stored
alias Weight = vec4<f32>; // how weights are stored
const KERNEL: u32 = 4u; // height and width of the kernel
const STRIDE: u32 = 2u;
const TRANSPOSED_WEIGHT: bool = false;
const HAS_BIAS: bool = false;
const INPUT_SLOPE: f32 = 1.0; // of the leaky ReLU in front of the contraction
const THREADS: u32 = 16u;
const THREAD_PIXELS: u32 = 4u;
const THREAD_VECTORS: u32 = 1u; // vec4s of output channels a thread
const STAGE: u32 = 4u; // vec4s of the contraction in shared memory
const TILE_PIXELS: u32 = THREADS * THREAD_PIXELS;
const TILE_VECTORS: u32 = THREADS * THREAD_VECTORS;
const FETCHES: u32 = STAGE * THREAD_PIXELS / THREADS; // input vec4s that a thread fetches a stage
const PIXELS_A_FETCH: u32 = THREADS * THREADS / STAGE;
const_assert STAGE * THREAD_PIXELS % THREADS == 0u && STAGE * THREAD_VECTORS <= THREADS;

struct Params {
    batch: u32,
    in_height: u32,
    in_width: u32,
    in_channels4: u32,
    out_height: u32,
    out_width: u32,
    out_channels: u32,
    padding: u32,
    input_offset: u32,
    input_stride: u32,
    output_offset: u32,
    output_stride: u32,
    splits: u32, // 1: only rung 5 splits the contraction
    pad_0: u32,
    pad_1: u32,
    pad_2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<Activation>;
@group(0) @binding(2) var<storage, read> weight: array<Weight>;
@group(0) @binding(3) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> output: array<Activation>;

var<workgroup> x_tile: array<vec4<f32>, STAGE * TILE_PIXELS>; // [STAGE][pixel]
var<workgroup> w_tile: array<vec4<f32>, STAGE * 4u * TILE_VECTORS>; // [STAGE][ci % 4][vec4 of output channels]

// One stage of the product: this thread's pixels are ty, ty + THREADS, ..., its vec4s of channels
// tx, tx + THREADS, ...
fn multiply(tx: u32, ty: u32, sums: ptr<function, array<vec4<f32>, THREAD_PIXELS * THREAD_VECTORS>>) {
    for (var k = 0u; k < STAGE; k++) {
        var x: array<vec4<f32>, THREAD_PIXELS>;
        for (var p = 0u; p < THREAD_PIXELS; p++) {
            x[p] = x_tile[k * TILE_PIXELS + ty + p * THREADS];
        }
        for (var v = 0u; v < THREAD_VECTORS; v++) {
            let at = k * 4u * TILE_VECTORS + tx + v * THREADS;
            let w = mat4x4(w_tile[at], w_tile[at + TILE_VECTORS], w_tile[at + 2u * TILE_VECTORS], w_tile[at + 3u * TILE_VECTORS]);
            for (var p = 0u; p < THREAD_PIXELS; p++) {
                (*sums)[v * THREAD_PIXELS + p] += w * x[p];
            }
        }
    }
}

// Four input numbers as they enter the sum. The slope is for the bits of negative numbers: among
// them is no NaN, which compilers may lose where it is compared or multiplied by 0.
fn input_vector(at: u32) -> vec4<f32> {
    let x = vec4<f32>(input[at]);
    return select(x, INPUT_SLOPE * x, bitcast<vec4<u32>>(x) - 0x80000000u <= vec4(0x7f800000u));
}

fn weight_row(at: u32) -> vec4<f32> {
    return vec4<f32>(weight[at]);
}

// weight[tap, 4*ci4 .., 4*column ..] as a matrix whose product with an input vec4 is a vec4 of
// output channels.
fn weight_tile(tap: u32, ci4: u32, column: u32, out_channels4: u32) -> mat4x4<f32> {
    if TRANSPOSED_WEIGHT {
        let step = params.in_channels4;
        let at = (tap * out_channels4 + column) * 4u * step + ci4;
        return transpose(mat4x4(weight_row(at), weight_row(at + step), weight_row(at + 2u * step), weight_row(at + 3u * step)));
    }
    let at = (tap * params.in_channels4 + ci4) * 4u * out_channels4 + column;
    return mat4x4(weight_row(at), weight_row(at + out_channels4), weight_row(at + 2u * out_channels4), weight_row(at + 3u * out_channels4));
}

fn store(pixel: u32, co4: u32, value: vec4<f32>) {
    var sum = value;
    if HAS_BIAS {
        sum += bias[co4];
    }
    let real = vec4(co4 * 4u) + vec4(0u, 1u, 2u, 3u) < vec4(params.out_channels); // the others are pad lanes
    output[params.output_offset + pixel * params.output_stride + co4] = Activation(select(vec4(0.0), sum, real));
}

@compute @workgroup_size(THREADS * THREADS)
fn conv_transpose2d(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let fetched_k = local % STAGE;
    let fetched_pixel = local / STAGE;
    let tx = local % THREADS;
    let ty = local / THREADS;
    let out_channels4 = (params.out_channels + 3u) / 4u;
    // The class with offset (0, 0) is the largest; all classes get as many tiles, and skip the
    // pixels that they do not have.
    let rows = (params.out_height + STRIDE - 1u) / STRIDE;
    let columns = (params.out_width + STRIDE - 1u) / STRIDE;
    let pixels = params.batch * rows * columns;
    let pixel_tiles = (pixels + TILE_PIXELS - 1u) / TILE_PIXELS;
    let tile = group.y * 65535u + group.x;
    let first = tile % pixel_tiles * TILE_PIXELS;
    let class_y = tile / pixel_tiles % (STRIDE * STRIDE) / STRIDE;
    let class_x = tile / pixel_tiles % STRIDE;
    let first_co4 = tile / pixel_tiles / (STRIDE * STRIDE) * TILE_VECTORS;
    let first_ky = (class_y + params.padding) % STRIDE;
    let first_kx = (class_x + params.padding) % STRIDE;

    var image: array<u32, FETCHES>; // row of the batch where the pixel's image begins
    var bottom: array<u32, FETCHES>; // input row that the first tap meets; the next tap meets the row above
    var right: array<u32, FETCHES>;
    for (var f = 0u; f < FETCHES; f++) {
        let pixel = min(first + fetched_pixel + f * PIXELS_A_FETCH, pixels - 1u);
        image[f] = pixel / columns / rows * params.in_height;
        bottom[f] = pixel / columns % rows + (class_y + params.padding) / STRIDE;
        right[f] = pixel % columns + (class_x + params.padding) / STRIDE;
    }
    var sums: array<vec4<f32>, THREAD_PIXELS * THREAD_VECTORS>;
    let taps_x = (KERNEL - first_kx + STRIDE - 1u) / STRIDE;
    let depth = (KERNEL - first_ky + STRIDE - 1u) / STRIDE * taps_x * params.in_channels4;
    for (var start = 0u; start < depth; start += STAGE) {
        let k4 = start + fetched_k;
        let t = k4 / params.in_channels4;
        for (var f = 0u; f < FETCHES; f++) {
            // Unsigned arithmetic wraps: a row above the image is a huge one, so one comparison
            // bounds both sides.
            let y = bottom[f] - t / taps_x;
            let x = right[f] - t % taps_x;
            let inside = k4 < depth && y < params.in_height && x < params.in_width;
            let pixel = select(0u, (image[f] + y) * params.in_width + x, inside);
            let source = params.input_offset + pixel * params.input_stride + k4 % params.in_channels4;
            x_tile[fetched_k * TILE_PIXELS + fetched_pixel + f * PIXELS_A_FETCH] = select(vec4(0.0), input_vector(source), inside);
        }
        if local < STAGE * TILE_VECTORS {
            // Past the end of the contraction x is zero and any weight does.
            let row = min(start + local / TILE_VECTORS, depth - 1u);
            let column = min(first_co4 + local % TILE_VECTORS, out_channels4 - 1u);
            let step = row / params.in_channels4;
            let tap = (first_ky + step / taps_x * STRIDE) * KERNEL + first_kx + step % taps_x * STRIDE;
            let w = weight_tile(tap, row % params.in_channels4, column, out_channels4);
            for (var i = 0u; i < 4u; i++) {
                w_tile[(local / TILE_VECTORS * 4u + i) * TILE_VECTORS + local % TILE_VECTORS] = w[i];
            }
        }
        workgroupBarrier();
        multiply(tx, ty, &sums);
        workgroupBarrier();
    }
    for (var p = 0u; p < THREAD_PIXELS; p++) {
        let pixel = first + ty + p * THREADS;
        let oy = pixel / columns % rows * STRIDE + class_y;
        let ox = pixel % columns * STRIDE + class_x;
        let exists = pixel < pixels && oy < params.out_height && ox < params.out_width;
        let place = (pixel / columns / rows * params.out_height + oy) * params.out_width + ox;
        for (var v = 0u; v < THREAD_VECTORS; v++) {
            let co4 = first_co4 + tx + v * THREADS;
            if exists && co4 < out_channels4 {
                store(place, co4, sums[v * THREAD_PIXELS + p]);
            }
        }
    }
}
