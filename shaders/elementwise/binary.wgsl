// output = scale * (left + right), or with PRODUCT scale * left * right
//   RIGHT is SAME      right has left's shape
//   RIGHT is CHANNELS  right has one value a channel for each group of pixels
//   RIGHT is SINGLE    right has one value for each group of pixels
//
// Layout: left and output [rows, channels], NHWC with the channels padded to 4; right the same,
// [groups, channels] or [groups, 1]; each operand has its own offset and row stride. Pad lanes stay
// zero since those of both sides are.
// Bindings: 0 params, 1 left, 2 right, 3 output.
// Grid: one thread for PER_THREAD columns as in parts/coalesced.wgsl, workgroups folded at 65535.
// Limits: rows * channels4 < 2^32.
// Caller: src/ops/elementwise/mod.rs, Binary.
// Speed: bound by memory, 12 bytes an element, 8 where right is broadcast; eight at a time,
// parts/vec8.wgsl, where lanes load one by one and both sides have one shape.
// parts: vec4, coalesced

const PRODUCT: bool = false; // multiply instead of add
const SAME: u32 = 0u;
const CHANNELS: u32 = 1u;
const SINGLE: u32 = 2u;
const RIGHT: u32 = 0u;
const_assert RIGHT == SAME || RIGHT == CHANNELS || RIGHT == SINGLE;
const WORKGROUP: u32 = 64u;
const PER_THREAD: u32 = 4u; // columns a thread

struct Params {
    rows: u32,
    channels: u32,
    left_offset: u32, // offsets and strides count vec4s
    left_stride: u32,
    right_offset: u32,
    right_stride: u32,
    output_offset: u32,
    output_stride: u32,
    scale: f32,
    pixels: u32, // of a group
    pad_0: u32,
    pad_1: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> left: array<Stored>;
@group(0) @binding(2) var<storage, read> right: array<Other>;
@group(0) @binding(3) var<storage, read_write> output: array<Stored>;

fn right_of(row: u32, column: u32) -> Numbers {
    if RIGHT == SAME {
        let first = (params.right_offset + row * params.right_stride) / VECTORS;
        return load_other(right[first + column]);
    }
    let group = (params.right_offset + row / params.pixels * params.right_stride) / VECTORS;
    if RIGHT == CHANNELS {
        return load_other(right[group + column]);
    }
    let value = load_other(right[group])[0].x;
    var numbers: Numbers;
    for (var k = 0u; k < VECTORS; k++) {
        let real = channels_of(column, k) < vec4<u32>(params.channels);
        numbers[k] = select(vec4<f32>(0.0), vec4<f32>(value), real);
    }
    return numbers;
}

@compute @workgroup_size(WORKGROUP)
fn binary(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let columns = (params.channels + 3u) / 4u / VECTORS;
    let first = first_coalesced(group, lane);
    for (var i = 0u; i < PER_THREAD; i++) {
        let index = first + i * COALESCED;
        if index >= params.rows * columns {
            return;
        }
        let row = index / columns;
        let column = index % columns;
        let at = (params.left_offset + row * params.left_stride) / VECTORS;
        let to = (params.output_offset + row * params.output_stride) / VECTORS;
        var result = load(left[at + column]);
        let b = right_of(row, column);
        for (var k = 0u; k < VECTORS; k++) {
            result[k] = params.scale * select(result[k] + b[k], result[k] * b[k], PRODUCT);
        }
        output[to + column] = store(result);
    }
}
