//! The pictures of a comparison as one, in the paper's layout: a row for each pair, a column each
//! for input, target and cells, with their names above.

use super::error::CompareError;
use super::letters;
use super::tiles::Tiles;
use crate::data::{Depth, Picture, encode_png};
use crate::train::run::{RunError, write_atomic};
use image::RgbImage;
use std::io::{self, Write};
use std::path::Path;

/// Its name in the folder of a comparison.
pub const FILE: &str = "pictures.png";
/// Small pictures are drawn so many pixels wide, so that names have room.
const LEAST_TILE: u32 = 128;
/// Letters have dots of two pixels.
const ZOOM: u32 = 2;
const GUTTER: u32 = 6;
const MISSING: u8 = 0xd4;

/// Draws all tiles. A picture that is smaller than others is enlarged by a whole number.
///
/// # Errors
/// Those of reading a picture.
pub fn draw(tiles: &Tiles) -> Result<Picture, CompareError> {
    let (rows, tile) = read_all(tiles)?;
    let heads: Vec<Vec<String>> = tiles
        .heads
        .iter()
        .map(|head| letters::lines(head, tile, ZOOM))
        .collect();
    let most = heads.iter().map(Vec::len).max().unwrap_or(0);
    let head = letters::height(most, ZOOM) + GUTTER;
    let highest = |row: &Row| row.iter().flatten().map(Picture::height).max();
    let heights: Vec<u32> = rows
        .iter()
        .map(|row| highest(row).unwrap_or(tile))
        .collect();
    let width = tiles.heads.len().max(1) as u32 * (tile + GUTTER) + GUTTER;
    let height = head + heights.iter().map(|height| height + GUTTER).sum::<u32>();
    let mut sheet = Picture::white(width, height, 3, Depth::Eight);
    let mut paste = |picture: &Picture, column: usize, top: u32| {
        let left = GUTTER + column as u32 * (tile + GUTTER);
        let indent = tile.saturating_sub(picture.width()) / 2;
        sheet.paste(picture, left + indent, top);
    };
    for (column, lines) in heads.iter().enumerate() {
        // Names stand right above their pictures.
        let above = most - lines.len();
        for (line, text) in lines.iter().enumerate() {
            let top = letters::height(above + line, ZOOM) + GUTTER / 2;
            paste(&letters::picture(text, ZOOM), column, top);
        }
    }
    let mut top = head;
    for (row, height) in rows.into_iter().zip(heights) {
        for (column, picture) in row.into_iter().enumerate() {
            paste(&picture.unwrap_or_else(|| plain(tile, height)), column, top);
        }
        top += height + GUTTER;
    }
    Ok(sheet)
}

/// The pictures of a pair.
type Row = Vec<Option<Picture>>;

/// All pictures, enlarged, and the width of the widest.
fn read_all(tiles: &Tiles) -> Result<(Vec<Row>, u32), CompareError> {
    let mut rows: Vec<Vec<Option<RgbImage>>> = Vec::new();
    for row in &tiles.rows {
        let files = row.files.iter();
        let pictures = files.map(|file| file.as_deref().map(read).transpose());
        rows.push(pictures.collect::<Result<_, _>>()?);
    }
    let all = rows.iter().flatten().flatten();
    let widest = all.map(RgbImage::width).max().unwrap_or(1);
    let tile = widest * LEAST_TILE.div_ceil(widest).max(1);
    let enlarged = |picture: RgbImage| {
        let times = (tile / picture.width().max(1)).max(1);
        enlarge(&picture, times)
    };
    let rows = rows.into_iter().map(|row| {
        let pictures = row.into_iter().map(|picture| picture.map(enlarged));
        pictures.collect()
    });
    Ok((rows.collect(), tile))
}

/// Writes a picture as PNG.
///
/// # Errors
/// Those of writing.
pub fn write(path: &Path, picture: &Picture) -> Result<(), CompareError> {
    write_atomic(path, |writer| {
        let png = encode_png(picture.dimensions(), picture.bytes())?;
        writer.write_all(&png)
    })
    .map_err(CompareError::from)
}

fn read(path: &Path) -> Result<RgbImage, CompareError> {
    let read = image::open(path).map_err(|error| RunError::read(path, io::Error::other(error)))?;
    Ok(read.into_rgb8())
}

/// Each pixel `times` times, to the right and down.
fn enlarge(picture: &RgbImage, times: u32) -> Picture {
    let (width, height) = (picture.width() * times, picture.height() * times);
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x / times, y / times)));
    let bytes: Vec<u8> = places
        .flat_map(|(x, y)| picture.get_pixel(x, y).0)
        .collect();
    // As many bytes as pixels, so the default is never taken.
    Picture::from_bytes(width, height, 3, Depth::Eight, bytes).unwrap_or_default()
}

/// What stands for a picture that is not there.
fn plain(width: u32, height: u32) -> Picture {
    let bytes = vec![MISSING; (width * height * 3) as usize];
    Picture::from_bytes(width, height, 3, Depth::Eight, bytes).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::compare::tiles::TileRow;
    use image::Rgb;

    #[test]
    fn pictures_stand_below_their_names_and_small_ones_are_enlarged() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, side: u32, red: u8| {
            let path = folder.path().join(name);
            RgbImage::from_pixel(side, side, Rgb([red, 0, 0]))
                .save(&path)
                .unwrap();
            Some(path)
        };
        let tiles = Tiles {
            missing: Vec::new(),
            heads: ["input", "target", "l1"].map(str::to_owned).to_vec(),
            rows: vec![TileRow {
                index: 0,
                name: "a.png".to_owned(),
                files: vec![file("a.png", 64, 10), file("b.png", 32, 20), None],
            }],
        };
        let sheet = draw(&tiles).unwrap();
        // Tiles of 128 below one line of 22.
        assert_eq!(sheet.dimensions(), (3 * 134 + 6, 22 + 6 + 128 + 6));
        let red = |x, y| sheet.pixel(x, y).next().unwrap();
        assert_eq!([red(6, 28), red(133, 155), red(134, 28)], [10, 10, 255]);
        assert_eq!([red(140, 28), red(267, 155)], [20, 20]);
        assert_eq!(red(274, 100), u16::from(MISSING));
        let has_name = |x: u32| (0..28).any(|y| (x..x + 128).any(|x| red(x, y) == 0));
        assert!(has_name(6) && has_name(140) && has_name(274));
        let path = folder.path().join("sheet.png");
        write(&path, &sheet).unwrap();
        assert_eq!(image::image_dimensions(&path).unwrap(), sheet.dimensions());
    }
}
