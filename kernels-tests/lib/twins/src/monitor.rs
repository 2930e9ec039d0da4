//! The twin of `shaders/monitor/`: a flag, and a ring of rows that each hold the losses of a step.

/// The words of a monitor: where its rows begin, and how many of how many columns there are.
#[derive(Debug, Clone, Copy)]
pub struct Monitor {
    /// Words in front of the first row. The first two are the flag: 1 + the column of the first
    /// loss that was not finite, and its step.
    pub head: u64,
    /// Rows.
    pub rows: u64,
    /// Columns of a row.
    pub columns: u64,
}

impl Monitor {
    /// Writes the losses of a step from `column` on, and raises the flag at the first failure.
    pub fn watch(&self, words: &mut [u32], step: u64, column: u32, losses: &[f32]) {
        let row = (self.head + step % self.rows * self.columns) as usize;
        for (loss, column) in losses.iter().zip(column..) {
            words[row + column as usize] = loss.to_bits();
            if !loss.is_finite() && words[0] == 0 {
                words[..2].copy_from_slice(&[1 + column, step as u32]);
            }
        }
    }
}
