//! Floor 9: runs that differ in a few settings, side by side: a grid of them, its table and its
//! picture.
//!
//! | file | idea |
//! |---|---|
//! | `grid.rs` | settings that are varied, the cells that they span, and their names |
//! | `paper.rs` | the four comparisons of the paper |
//! | `alike.rs` | what cells must share so that their scores can be compared |
//! | `plan.rs` | a comparison as it was asked for, and what became of its runs |
//! | `folder.rs` | the folder of a comparison, and the files in it |
//! | `measures.rs` | the numbers of one run, as its evaluation left them |
//! | `spread.rs` | means with their spread over seeds, and which one is best |
//! | `report.rs` | one comparison as rows and facts; the table and the pages are made of it |
//! | `progress.rs` | how far its runs are |
//! | `table.rs`, `markdown.rs`, `page.rs` | the same for a terminal, as Markdown, as a page |
//! | `chart.rs` | where the seeds of each cell lie, as SVG |
//! | `tiles.rs`, `sheet.rs`, `letters.rs` | the pictures of held-out pairs, beside one another |
//!
//! A cell is trained once for each seed, in a folder of an ordinary run. A [`Report`] is made again
//! from what lies in these folders whenever a run has ended.

mod alike;
mod chart;
mod error;
mod folder;
mod grid;
mod letters;
mod markdown;
mod measures;
mod page;
mod paper;
mod plan;
mod progress;
mod report;
mod sheet;
mod spread;
mod table;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
mod tiles;

pub use alike::first_difference;
pub use error::CompareError;
pub use folder::ComparisonFolder;
pub use grid::{Axis, Cell, Grid, MOST_CELLS, MOST_SEEDS};
pub use measures::{Measure, Measures};
pub use paper::Paper;
pub use plan::{ComparisonPlan, Outcome, Pairs, Record, evaluation_folder};
pub use report::{Group, Report, Row, RowRun, RunState};
pub use spread::Spread;
pub use tiles::{TileRow, Tiles};
