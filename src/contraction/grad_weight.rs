//! Candidates of `conv2d_grad_weight`, and their default table.

use super::{
    Candidate, ContractionKey, NAIVE_WORKGROUP, TILE_THREADS, by_points, matrix, splits,
    usual_rung, wide,
};
use crate::contraction::winograd;
use crate::gpu::{KernelSpec, Profile};
use crate::shader;
use crate::tensor::Shape;

/// Threads of a workgroup of the register rung.
const REGISTER_WORKGROUP: usize = 64;
/// Pixels that a part of a split sum has at least.
const LEAST_PIXELS: usize = 64;

/// The rung of the default table: few channels on the small map make a thin result, which only the
/// register rung's narrow tile fits.
pub(super) fn default_rung(key: &ContractionKey, profile: &Profile) -> &'static str {
    if key.small.channels4() == 1 {
        return "2_register";
    }
    if by_points::is_default(key, profile) {
        winograd::RUNG
    } else {
        usual_rung(key, profile)
    }
}

/// Every rung that the device can run; see [`super::candidates`].
pub(super) fn candidates(key: &ContractionKey, profile: &Profile) -> Vec<Candidate> {
    let (large, small, kernel) = (key.large, key.small, key.geometry.kernel);
    let patches = kernel.pow(2) * large.channels4();
    let columns = small.channels4();
    let [first, second] = if key.transposed {
        [small, large]
    } else {
        [large, small]
    };
    let output = Shape::hwio(kernel, kernel, first.channels(), second.channels());
    let naive = KernelSpec::new(shader!("conv2d_grad_weight/1_naive"));
    let mut found = vec![Candidate::new(
        naive,
        "",
        (output.rows() * output.channels4() * 4).div_ceil(NAIVE_WORKGROUP),
    )];

    for (rows, wide) in [(4, columns.min(2)), (4, 1), (2, columns.min(4)), (8, 1)] {
        let kernel = KernelSpec::new(shader!("conv2d_grad_weight/2_register"))
            .uint("TILE_ROWS", rows)
            .uint("TILE_COLUMNS", wide);
        let tiles = patches.div_ceil(rows) * columns.div_ceil(wide);
        found.push(Candidate::new(
            kernel,
            &format!("{rows}x{wide}"),
            tiles.div_ceil(REGISTER_WORKGROUP),
        ));
    }
    if let Some(subgroup) = profile.subgroup.map(|size| size as usize) {
        found.extend(broadcast(key, subgroup, patches, columns));
    }
    if let Some(subgroup) = wide::lanes(key, profile) {
        found.extend(eights(key, subgroup));
    }
    found.extend(by_points::grad_weight(key, profile));
    if profile.max_invocations as usize >= TILE_THREADS.pow(2) {
        for (rows, wide) in [(1, 1), (2, 1), (1, 2)] {
            let kernel = KernelSpec::new(shader!("conv2d_grad_weight/3_workgroup"))
                .uint("THREAD_ROWS", rows)
                .uint("THREAD_COLUMNS", wide);
            let groups =
                patches.div_ceil(TILE_THREADS * rows) * columns.div_ceil(TILE_THREADS * wide);
            let splits = splits(groups, small.rows() / LEAST_PIXELS, output.bytes());
            found.push(Candidate::new(kernel, &format!("{rows}x{wide}"), groups).split(splits));
        }
    }
    let on_matrices = |tile: &matrix::MatrixTile| {
        let groups = (4 * patches).div_ceil(tile.rows()) * (4 * columns).div_ceil(tile.columns());
        let kernel = tile.kernel(shader!("conv2d_grad_weight/matrix"));
        Candidate::new(kernel, &tile.name(), groups).split(splits(
            groups,
            small.rows() / LEAST_PIXELS,
            output.bytes(),
        ))
    };
    found.extend(matrix::best_first(
        matrix::tiles(key, profile)
            .iter()
            .map(on_matrices)
            .collect(),
    ));
    found
}

/// The broadcast rung with its lanes on either map, whole and in four parts.
fn broadcast(
    key: &ContractionKey,
    subgroup: usize,
    patches: usize,
    columns: usize,
) -> Vec<Candidate> {
    // Lanes on the map whose channels are the last axis of the result write it in rows; on few
    // channels they would idle.
    let by_default = key.transposed && key.large.channels4() >= 4;
    let image_rows = key.small.batch() * key.small.height();
    let one = |lanes_on_large: bool, tile: usize, splits: usize| {
        let (rows, columns) = if lanes_on_large {
            (columns, patches)
        } else {
            (patches, columns)
        };
        let kernel = KernelSpec::new(shader!("conv2d_grad_weight/4_broadcast"))
            .flag("LANES_ON_LARGE", lanes_on_large)
            .uint("SUBGROUP", subgroup)
            .uint("WORKGROUP", subgroup)
            .uint("TILE_VECTORS", tile);
        let name = format!("{}{tile}", if lanes_on_large { "large" } else { "small" });
        Candidate::new(
            kernel,
            &name,
            rows.div_ceil(tile) * columns.div_ceil(subgroup),
        )
        .split(splits)
    };
    let tile = subgroup.min(8);
    let mut found = vec![
        one(by_default, tile, 1),
        one(!by_default, tile, 1),
        one(by_default, tile.min(4), 1),
    ];
    if image_rows >= 8 {
        found.extend([one(by_default, tile, 4), one(!by_default, tile, 4)]);
    }
    found
}

/// The wide rung, whole and in four parts: its lanes own the last axis of the result.
fn eights(key: &ContractionKey, subgroup: usize) -> Vec<Candidate> {
    let (patches, columns) = (
        key.geometry.kernel.pow(2) * key.large.channels() / 8,
        key.small.channels() / 8,
    );
    let (rows, columns) = if key.transposed {
        (columns, patches)
    } else {
        (patches, columns)
    };
    let one = |tile: usize| {
        let kernel = KernelSpec::new(shader!("conv2d_grad_weight/5_wide"))
            .uint("SUBGROUP", subgroup)
            .uint("WORKGROUP", subgroup)
            .uint("TILE_EIGHTS", tile);
        Candidate::new(
            kernel,
            &tile.to_string(),
            rows.div_ceil(tile) * columns.div_ceil(subgroup),
        )
    };
    let mut found: Vec<Candidate> = [8, 4, 2]
        .into_iter()
        .filter(|&tile| tile <= subgroup)
        .map(one)
        .collect();
    if key.small.batch() * key.small.height() >= 8 {
        found.push(one(subgroup.min(8)).split(4));
    }
    found
}
