//! The twin of `shaders/window/`: a part of a map, or a map with what lies around it.

use crate::Dims;

/// What a window shows of a map. It may begin and end outside.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// The first row.
    pub top: i64,
    /// The first column.
    pub left: i64,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Whether the map is mirrored outside; else there are zeros.
    pub reflects: bool,
}

/// A position outside `0..side` walked back step by step, turning round at either end.
fn reflected(position: i64, side: i64) -> i64 {
    let (mut at, mut step) = (0, if position < 0 { -1 } else { 1 });
    for _ in 0..position.abs() {
        if side > 1 && !(0..side).contains(&(at + step)) {
            step = -step;
        }
        at += if side > 1 { step } else { 0 };
    }
    at
}

impl Window {
    /// What the window shows of `input`.
    pub fn of(&self, shape: Dims, input: &[f64]) -> Vec<f64> {
        let [batch, in_height, in_width, channels] = shape;
        let mut output = Vec::new();
        for (b, y, x) in (0..batch).flat_map(|b| {
            (0..self.height).flat_map(move |y| (0..self.width).map(move |x| (b, y, x)))
        }) {
            let (mut y, mut x) = (y as i64 + self.top, x as i64 + self.left);
            if self.reflects {
                (y, x) = (
                    reflected(y, in_height as i64),
                    reflected(x, in_width as i64),
                );
            }
            let inside = (0..in_height as i64).contains(&y) && (0..in_width as i64).contains(&x);
            let at =
                |c: usize| ((b * in_height + y as usize) * in_width + x as usize) * channels + c;
            output.extend((0..channels).map(|c| if inside { input[at(c)] } else { 0.0 }));
        }
        output
    }
}
