// conv_transpose2d, rung 6: matrix units. The operands are rounded to f16, the sums stay f32.
//
//   output[n, oy, ox, co] = bias[co] + sum over ci and the ky, kx with oy + padding - ky = iy*STRIDE, ox + padding - kx = ix*STRIDE of
//       input[n, iy, ix, ci] * weight[ky, kx, ci, co]
//
// A matrix product for each parity class (oy % STRIDE, ox % STRIDE), whose pixels share their taps:
// rows are output pixels, columns output channels, the contraction is (tap of the class, ci)
// counted as one list. It is walked STAGE numbers at a time: all threads fetch them into shared
// memory as f16, then each subgroup multiplies its own ROW_MATRICES x COLUMN_MATRICES matrices of
// MATRIX x MATRIX. The sums leave through shared memory, where every thread sees them.
// TRANSPOSED_WEIGHT reads weight[ky, kx, co, ci] instead: that is the input gradient of conv2d.
// INPUT_SLOPE reads the input through a leaky ReLU, x > 0 ? x : INPUT_SLOPE * x, that is stored
// nowhere; 1 is none.
//
// Layouts input, output: [batch, height, width, channels4], offsets and pixel strides in vec4s;
// weight, bias: dense.
//           Channel counts are rounded up to 4 in memory; pad lanes are zero in, and written as zero.
// Bindings  0 params, 1 input, 2 weight, 3 bias (any buffer if !HAS_BIAS: it is not read), 4 output
// Grid STRIDE^2 * ceil(batch * ceil(out_height / STRIDE) * ceil(out_width / STRIDE) / TILE_PIXELS)
//           * ceil(out_channels / TILE_CHANNELS) groups, folded at 65535
// Limits subgroups of exactly SUBGROUP lanes, matrices of f16 with sums of f32, numbers below 65
// 520 in input and weight;
//           4 * SUBGROUP invocations; 2 * (size of x_tile + size of w_tile) + 16 * MATRIX^2 bytes of workgroup memory
// Speed unmeasured on a GPU. 5-10 GFLOP/s on lavapipe 26.1, which has no such units, where the
// broadcast rung has
//           54-64 (maps of 8x8 input pixels and more); 2-3 on 4x4. Called by ops::conv_transpose2d.

enable f16;
enable wgpu_cooperative_matrix;

alias Activation = vec4<f32>; // how activations are stored
alias Weight = vec4<f32>; // how weights are stored
alias Left = coop_mat8x8<f16, A>; // pixels x contraction
alias Right = coop_mat8x8<f16, B>; // contraction x channels
alias Sums = coop_mat8x8<f32, C>; // pixels x channels
const MATRIX: u32 = 8u; // rows and columns of these
const KERNEL: u32 = 4u; // height and width of the kernel
const STRIDE: u32 = 2u;
const TRANSPOSED_WEIGHT: bool = false;
const HAS_BIAS: bool = false;
const INPUT_SLOPE: f32 = 1.0; // of the leaky ReLU in front of the contraction
const SUBGROUP: u32 = 8u; // lanes of a subgroup
const SUBGROUPS: u32 = 2u; // subgroups of a workgroup along each side of its tile
const ROW_MATRICES: u32 = 2u; // matrices of a subgroup along the pixels
const COLUMN_MATRICES: u32 = 2u; // and along the output channels
const STAGE: u32 = 32u; // numbers of the contraction in shared memory
const SUBGROUP_PIXELS: u32 = ROW_MATRICES * MATRIX;
const SUBGROUP_CHANNELS: u32 = COLUMN_MATRICES * MATRIX;
const TILE_PIXELS: u32 = SUBGROUPS * SUBGROUP_PIXELS;
const TILE_CHANNELS: u32 = SUBGROUPS * SUBGROUP_CHANNELS;
const THREADS: u32 = SUBGROUP * SUBGROUPS * SUBGROUPS;
const GAP: u32 = 8u; // unused numbers behind a row of shared memory, so that rows begin in different banks
const X_VECTORS: u32 = STAGE / 4u; // vec4s of a row of x_tile
const X_ROW: u32 = STAGE + GAP;
const W_ROWS: u32 = select(STAGE, TILE_CHANNELS, TRANSPOSED_WEIGHT);
const W_VECTORS: u32 = select(TILE_CHANNELS, STAGE, TRANSPOSED_WEIGHT) / 4u;
const W_ROW: u32 = 4u * W_VECTORS + GAP;
const FETCHES: u32 = TILE_PIXELS * X_VECTORS / THREADS; // input vec4s that a thread fetches a stage
const PIXELS_A_FETCH: u32 = THREADS / X_VECTORS;
const_assert STAGE % MATRIX == 0u && THREADS % X_VECTORS == 0u && TILE_PIXELS % PIXELS_A_FETCH == 0u;

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
    splits: u32, // 1: this rung does not split the contraction
    pad_0: u32,
    pad_1: u32,
    pad_2: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<Activation>;
@group(0) @binding(2) var<storage, read> weight: array<Weight>;
@group(0) @binding(3) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> output: array<Activation>;

var<workgroup> x_tile: array<f16, TILE_PIXELS * X_ROW>; // [pixel][contraction]
var<workgroup> w_tile: array<f16, W_ROWS * W_ROW>; // as the weight lies: [contraction][channel], or [channel][contraction]
var<workgroup> results: array<f32, SUBGROUPS * SUBGROUPS * MATRIX * MATRIX>; // [subgroup][pixel][channel]

// Four input numbers as they enter the sum. The slope is for the bits of negative numbers: among
// them is no NaN, which compilers may lose where it is compared or multiplied by 0.
fn input_vector(at: u32) -> vec4<f32> {
    let x = vec4<f32>(input[at]);
    return select(x, INPUT_SLOPE * x, bitcast<vec4<u32>>(x) - 0x80000000u <= vec4(0x7f800000u));
}

fn weights(k: u32, channel: u32) -> Right {
    if TRANSPOSED_WEIGHT {
        return coopLoad<Right>(&w_tile[channel * W_ROW + k], W_ROW);
    }
    return coopLoadT<Right>(&w_tile[k * W_ROW + channel], W_ROW);
}

// One stage of the product for the subgroup whose part of the tile begins at `pixel` and `channel`.
fn multiply(pixel: u32, channel: u32, sums: ptr<function, array<Sums, ROW_MATRICES * COLUMN_MATRICES>>) {
    for (var k = 0u; k < STAGE; k += MATRIX) {
        var x: array<Left, ROW_MATRICES>;
        for (var p = 0u; p < ROW_MATRICES; p++) {
            x[p] = coopLoadT<Left>(&x_tile[(pixel + p * MATRIX) * X_ROW + k], X_ROW);
        }
        for (var c = 0u; c < COLUMN_MATRICES; c++) {
            let w = weights(k, channel + c * MATRIX);
            for (var p = 0u; p < ROW_MATRICES; p++) {
                let s = p * COLUMN_MATRICES + c;
                (*sums)[s] = coopMultiplyAdd(x[p], w, (*sums)[s]);
            }
        }
    }
}

// The taps of a parity class: rows and columns first, first + STRIDE, ... of the kernel.
struct Taps {
    first_y: u32,
    first_x: u32,
    columns: u32,
    depth: u32, // vec4s of the class's contraction
}

fn taps_of(class_y: u32, class_x: u32) -> Taps {
    let first_y = (class_y + params.padding) % STRIDE;
    let first_x = (class_x + params.padding) % STRIDE;
    let columns = (KERNEL - first_x + STRIDE - 1u) / STRIDE;
    return Taps(first_y, first_x, columns, (KERNEL - first_y + STRIDE - 1u) / STRIDE * columns * params.in_channels4);
}

// Fetches the weights of the stage that begins at `start`, in vec4s of the contraction. Past its
// end x is zero and any weight does.
fn fetch_weights(local: u32, start: u32, taps: Taps, first_co4: u32) {
    let out_channels4 = (params.out_channels + 3u) / 4u;
    for (var i = local; i < W_ROWS * W_VECTORS; i += THREADS) {
        let row = i / W_VECTORS;
        let vector = i % W_VECTORS;
        let k4 = min(start + select(row / 4u, vector, TRANSPOSED_WEIGHT), taps.depth - 1u);
        let step = k4 / params.in_channels4;
        let tap = (taps.first_y + step / taps.columns * STRIDE) * KERNEL + taps.first_x + step % taps.columns * STRIDE;
        let ci4 = k4 % params.in_channels4;
        var source = ((tap * params.in_channels4 + ci4) * 4u + row % 4u) * out_channels4 + min(first_co4 + vector, out_channels4 - 1u);
        if TRANSPOSED_WEIGHT {
            let channel = min(first_co4 * 4u + row, out_channels4 * 4u - 1u);
            source = (tap * out_channels4 * 4u + channel) * params.in_channels4 + ci4;
        }
        let w = vec4<f16>(weight[source]);
        for (var j = 0u; j < 4u; j++) {
            w_tile[row * W_ROW + vector * 4u + j] = w[j];
        }
    }
}

fn store(pixel: u32, co4: u32, value: vec4<f32>) {
    var sum = value;
    if HAS_BIAS {
        sum += bias[co4];
    }
    let real = vec4(co4 * 4u) + vec4(0u, 1u, 2u, 3u) < vec4(params.out_channels); // the others are pad lanes
    output[params.output_offset + pixel * params.output_stride + co4] = Activation(select(vec4(0.0), sum, real));
}

@compute @workgroup_size(THREADS)
fn conv_transpose2d(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let fetched_k = local % X_VECTORS;
    let fetched_pixel = local / X_VECTORS;
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
    let first_co4 = tile / pixel_tiles / (STRIDE * STRIDE) * TILE_CHANNELS / 4u;
    let taps = taps_of(class_y, class_x);

    var image: array<u32, FETCHES>; // row of the batch where the pixel's image begins
    var bottom: array<u32, FETCHES>; // input row that the first tap meets; the next tap meets the row above
    var right: array<u32, FETCHES>;
    for (var f = 0u; f < FETCHES; f++) {
        let pixel = min(first + fetched_pixel + f * PIXELS_A_FETCH, pixels - 1u);
        image[f] = pixel / columns / rows * params.in_height;
        bottom[f] = pixel / columns % rows + (class_y + params.padding) / STRIDE;
        right[f] = pixel % columns + (class_x + params.padding) / STRIDE;
    }
    var sums: array<Sums, ROW_MATRICES * COLUMN_MATRICES>;
    let own_pixel = subgroup / SUBGROUPS * SUBGROUP_PIXELS;
    let own_channel = subgroup % SUBGROUPS * SUBGROUP_CHANNELS;
    for (var start = 0u; start < taps.depth; start += X_VECTORS) {
        let k4 = start + fetched_k;
        let t = k4 / params.in_channels4;
        for (var f = 0u; f < FETCHES; f++) {
            // Unsigned arithmetic wraps: a row above the image is a huge one, so one comparison
            // bounds both sides.
            let y = bottom[f] - t / taps.columns;
            let x = right[f] - t % taps.columns;
            let inside = k4 < taps.depth && y < params.in_height && x < params.in_width;
            let pixel = select(0u, (image[f] + y) * params.in_width + x, inside);
            let source = params.input_offset + pixel * params.input_stride + k4 % params.in_channels4;
            let value = select(vec4(0.0h), vec4<f16>(input_vector(source)), inside);
            for (var j = 0u; j < 4u; j++) {
                x_tile[(fetched_pixel + f * PIXELS_A_FETCH) * X_ROW + fetched_k * 4u + j] = value[j];
            }
        }
        fetch_weights(local, start, taps, first_co4);
        workgroupBarrier();
        multiply(own_pixel, own_channel, &sums);
        workgroupBarrier();
    }
    let own_results = subgroup * MATRIX * MATRIX;
    for (var s = 0u; s < ROW_MATRICES * COLUMN_MATRICES; s++) {
        coopStoreT(sums[s], &results[own_results], MATRIX);
        workgroupBarrier();
        for (var i = lane; i < MATRIX * MATRIX / 4u; i += SUBGROUP) {
            let pixel = first + own_pixel + s / COLUMN_MATRICES * MATRIX + i / (MATRIX / 4u);
            let oy = pixel / columns % rows * STRIDE + class_y;
            let ox = pixel % columns * STRIDE + class_x;
            let co4 = first_co4 + (own_channel + s % COLUMN_MATRICES * MATRIX) / 4u + i % (MATRIX / 4u);
            if pixel < pixels && oy < params.out_height && ox < params.out_width && co4 < out_channels4 {
                let at = own_results + i * 4u;
                let place = (pixel / columns / rows * params.out_height + oy) * params.out_width + ox;
                store(place, co4, vec4(results[at], results[at + 1u], results[at + 2u], results[at + 3u]));
            }
        }
        workgroupBarrier();
    }
}
