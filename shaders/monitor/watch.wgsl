// Writes up to four losses to this step's row of the ring, and raises the sticky flag at the first
// that is not finite.
//   monitor[0]  flag: 0, or 1 + the column of the first loss that was a NaN or an infinity
//   monitor[1]  the step in which the flag went up
//   monitor[HEAD + (ring_row % ROWS) * COLUMNS + column + i] = losses[i]
//
// Layout: losses: scalars, taken as words so that no driver touches a NaN; monitor: words. HEAD,
// COLUMNS and ROWS come from src/tape/step_state.rs.
// Bindings: 0 params, 1 step, 2 monitor, 3-6 losses (past `count`: anything readable).
// Grid: one thread: losses raise the flag in the order of the columns.
// Limits: column + count <= COLUMNS. Caller: src/ops/monitor.rs, Watch. Speed: one launch.
// parts: step

const HEAD: u32 = 16u;
const COLUMNS: u32 = 16u;
const ROWS: u32 = 64u;
const EXPONENT: u32 = 0x7f800000u; // all ones in a NaN and in an infinity

struct Params {
    column: u32,
    count: u32,
    pad_0: u32,
    pad_1: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read_write> monitor: array<u32>;
@group(0) @binding(3) var<storage, read> loss_0: array<u32>;
@group(0) @binding(4) var<storage, read> loss_1: array<u32>;
@group(0) @binding(5) var<storage, read> loss_2: array<u32>;
@group(0) @binding(6) var<storage, read> loss_3: array<u32>;

@compute @workgroup_size(1)
fn watch() {
    var losses = vec4<u32>(loss_0[0], loss_1[0], loss_2[0], loss_3[0]);
    let first = HEAD + step.ring_row % ROWS * COLUMNS;
    for (var i = 0u; i < params.count; i++) {
        let column = params.column + i;
        monitor[first + column] = losses[i];
        if (losses[i] & EXPONENT) == EXPONENT && monitor[0] == 0u {
            monitor[0] = 1u + column;
            monitor[1] = step.step;
        }
    }
}
