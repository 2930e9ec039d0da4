//! Tests that need several files of this floor.

#![allow(clippy::unwrap_used)]

mod tiff_reader;
mod tiff_rows;
