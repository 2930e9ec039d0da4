//! Candidates of `conv2d` and `conv_transpose2d`, and their default table.

use super::matrix::{self, MatrixTile};
use super::{
    Candidate, ContractionKey, Family, NAIVE_WORKGROUP, TILE_THREADS, by_points, splits,
    usual_rung, wide,
};
use crate::contraction::winograd;
use crate::gpu::{DeviceClass, KernelSpec, Profile, ShaderSource};
use crate::shader;

/// Threads of a workgroup of the register rung: small, so that every core of a CPU gets some.
const REGISTER_WORKGROUP: usize = 16;
/// Output `vec4`s up to which the broadcast rung would leave most lanes idle.
const FEW_VECTORS: usize = 2;
/// Pixels of one parity class up to which each weight is used so seldom that reading it is most of
/// the work.
const FEW_PIXELS: usize = 4;

/// Pixels (of one parity class) up to which the contraction may be split.
const SMALL_MAP: usize = 16;
/// Threads of a workgroup of the rung that splits.
const SPLIT_WORKGROUP: usize = 64;

/// The rungs' shaders in order.
type Ladder = [ShaderSource; 7];

const CONV2D: Ladder = [
    shader!("conv2d/1_naive"),
    shader!("conv2d/2_register"),
    shader!("conv2d/4_broadcast"),
    shader!("conv2d/3_workgroup"),
    shader!("conv2d/split_k"),
    shader!("conv2d/matrix"),
    shader!("conv2d/5_wide"),
];
const CONV_TRANSPOSE2D: Ladder = [
    shader!("conv_transpose2d/1_naive"),
    shader!("conv_transpose2d/2_register"),
    shader!("conv_transpose2d/4_broadcast"),
    shader!("conv_transpose2d/3_workgroup"),
    shader!("conv_transpose2d/split_k"),
    shader!("conv_transpose2d/matrix"),
    shader!("conv_transpose2d/5_wide"),
];

/// The sizes that decide a tile.
struct Problem {
    ladder: &'static Ladder,
    /// Output pixels that share their taps: all of them, or one parity class of a transposed
    /// convolution.
    pixels: usize,
    /// How many such sets there are.
    classes: usize,
    /// Output pixels in all.
    rows: usize,
    /// `vec4`s of output channels.
    vectors: usize,
    /// `vec4`s of input channels.
    depth: usize,
}

impl Problem {
    fn new(key: &ContractionKey) -> Self {
        let (output, stride) = (key.output(), key.geometry.stride);
        let (ladder, classes, side) = match key.family {
            Family::ConvTranspose2d => (&CONV_TRANSPOSE2D, stride.pow(2), stride),
            _ => (&CONV2D, 1, 1),
        };
        let pixels =
            output.batch() * output.height().div_ceil(side) * output.width().div_ceil(side);
        let input = if key.family == Family::ConvTranspose2d {
            key.small
        } else {
            key.large
        };
        Self {
            ladder,
            pixels,
            classes,
            rows: output.rows(),
            vectors: output.channels4(),
            depth: input.channels4(),
        }
    }

    fn tiles(&self, pixels: usize, vectors: usize) -> usize {
        self.classes * self.pixels.div_ceil(pixels) * self.vectors.div_ceil(vectors)
    }

    /// Of equal tiles the largest that is not over `most` pixels.
    fn balanced(&self, most: usize) -> usize {
        self.pixels.div_ceil(self.pixels.div_ceil(most))
    }

    /// Pixels by default of a tile whose lanes share what they load.
    fn shared_tile(&self) -> usize {
        if self.pixels >= 32 {
            self.balanced(32)
        } else {
            tile_of(self.pixels, &[(16, 16), (5, 8), (2, 4)])
        }
    }

    fn register(&self, pixels: usize, vectors: usize) -> Candidate {
        let kernel = KernelSpec::new(self.ladder[1])
            .uint("WORKGROUP", REGISTER_WORKGROUP)
            .uint("TILE_VECTORS", vectors)
            .uint("TILE_PIXELS", pixels);
        Candidate::new(
            kernel,
            &format!("{pixels}x{vectors}"),
            self.tiles(pixels, vectors).div_ceil(REGISTER_WORKGROUP),
        )
    }

    fn broadcast(&self, subgroup: usize, pixels: usize, vectors: usize) -> Candidate {
        let kernel = KernelSpec::new(self.ladder[2])
            .uint("SUBGROUP", subgroup)
            .uint("WORKGROUP", subgroup)
            .uint("LANE_VECTORS", vectors)
            .uint("TILE_PIXELS", pixels);
        Candidate::new(
            kernel,
            &format!("{pixels}x{vectors}"),
            self.tiles(pixels, vectors * subgroup),
        )
    }

    fn wide(&self, subgroup: usize, pixels: usize) -> Candidate {
        let kernel = KernelSpec::new(self.ladder[6])
            .uint("SUBGROUP", subgroup)
            .uint("WORKGROUP", subgroup)
            .uint("TILE_PIXELS", pixels);
        Candidate::new(
            kernel,
            &pixels.to_string(),
            self.tiles(pixels, 2 * subgroup),
        )
    }

    fn workgroup(&self, pixels: usize, vectors: usize) -> Candidate {
        let kernel = KernelSpec::new(self.ladder[3])
            .uint("THREAD_PIXELS", pixels)
            .uint("THREAD_VECTORS", vectors);
        Candidate::new(
            kernel,
            &format!("{pixels}x{vectors}"),
            self.tiles(TILE_THREADS * pixels, TILE_THREADS * vectors),
        )
    }

    /// The contraction in parts, for small maps with channels enough to split.
    fn split_k(&self) -> Option<Candidate> {
        if self.pixels > SMALL_MAP || self.depth < 2 {
            return None;
        }
        let tile = tile_of(self.pixels, &[(5, 8), (2, 4)]);
        let threads = self.tiles(tile, 1);
        let parts = splits(
            threads.div_ceil(SPLIT_WORKGROUP),
            self.depth / 2,
            (self.rows * self.vectors * 16) as u64,
        )
        .max(2);
        let kernel = KernelSpec::new(self.ladder[4])
            .uint("WORKGROUP", SPLIT_WORKGROUP)
            .uint("TILE_PIXELS", tile);
        // All parts' threads lie in one list, so the last group of a part may begin the next.
        let groups = (threads * parts).div_ceil(SPLIT_WORKGROUP);
        Some(Candidate {
            groups,
            ..Candidate::new(kernel, &tile.to_string(), 0).split(parts)
        })
    }

    fn matrix(&self, tile: &MatrixTile) -> Candidate {
        Candidate::new(
            tile.kernel(self.ladder[5]),
            &tile.name(),
            self.tiles(tile.rows(), tile.columns() / 4),
        )
    }
}

/// The rung of the default table.
pub(super) fn default_rung(key: &ContractionKey, profile: &Profile) -> &'static str {
    if key.output().channels4() <= FEW_VECTORS {
        return "2_register";
    }
    if by_points::is_default(key, profile) {
        return winograd::RUNG;
    }
    // A tile of a GPU's rungs holds 64 pixels: on a small map most of it would idle.
    let split = profile.class == DeviceClass::Gpu && Problem::new(key).split_k().is_some();
    if split {
        "split_k"
    } else {
        usual_rung(key, profile)
    }
}

/// Every rung that the device can run; see [`super::candidates`].
pub(super) fn candidates(key: &ContractionKey, profile: &Profile) -> Vec<Candidate> {
    let problem = Problem::new(key);
    let (pixels, vectors) = (problem.pixels, problem.vectors);
    let naive = Candidate::new(
        KernelSpec::new(problem.ladder[0]),
        "",
        (problem.rows * vectors * 4).div_ceil(NAIVE_WORKGROUP),
    );
    let mut found = vec![naive];

    let tile = tile_of(pixels, &[(5, 8), (2, 4)]);
    found.push(problem.register(tile, vectors.min(if tile == 8 { 2 } else { 4 })));
    let others = [(8, 1), (4, 2), (4, 4), (16, 1)]
        .into_iter()
        .filter(|&(tile, wide)| tile < 2 * pixels && wide <= vectors);
    found.extend(others.map(|(tile, wide)| problem.register(tile, wide)));

    if let Some(subgroup) = profile.subgroup.map(|size| size as usize) {
        let balanced = |most: usize| problem.balanced(most);
        // A weight that is read for a few pixels only: two vectors a lane make longer runs of it.
        let few_pixels =
            key.family == Family::ConvTranspose2d && !key.transposed && pixels <= FEW_PIXELS;
        found.push(problem.broadcast(
            subgroup,
            problem.shared_tile(),
            if few_pixels && vectors > subgroup {
                2
            } else {
                1
            },
        ));
        let others = [
            balanced(32),
            balanced(24),
            balanced(16),
            balanced(8),
            balanced(4),
        ];
        found.extend(others.map(|tile| problem.broadcast(subgroup, tile, 1)));
        if vectors > subgroup {
            found.extend(
                [balanced(16), balanced(8), balanced(4)]
                    .map(|tile| problem.broadcast(subgroup, tile, 2)),
            );
        }
    }
    if let Some(subgroup) = wide::lanes(key, profile) {
        found.push(problem.wide(subgroup, problem.shared_tile()));
        found.extend([32, 24, 16, 8, 4].map(|most| problem.wide(subgroup, problem.balanced(most))));
    }
    found.extend(by_points::conv(key, profile));
    if profile.max_invocations as usize >= TILE_THREADS.pow(2) {
        found.extend([(4, 1), (8, 1), (8, 2)].map(|(tile, wide)| problem.workgroup(tile, wide)));
    }
    found.extend(problem.split_k());
    found.extend(matrix::best_first(
        matrix::tiles(key, profile)
            .iter()
            .map(|tile| problem.matrix(tile))
            .collect(),
    ));
    found
}

/// The tile of the first `(least pixels, tile)` that the map reaches; 1 when it reaches none.
fn tile_of(pixels: usize, tiles: &[(usize, usize)]) -> usize {
    tiles
        .iter()
        .find(|&&(least, _)| pixels >= least)
        .map_or(1, |&(_, tile)| tile)
}
