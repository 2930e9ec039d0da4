//! The rows of an image that tiles still add to. Their sums lie in a file. Only a range of one row
//! is in memory at a time.

use crate::data::{DataError, SpillFile};
use std::path::Path;

/// Weighted sums of the values of tiles, `[height, row_values]`. Some rows, one after the other,
/// lie in the file at a time.
pub struct Strip {
    sums: SpillFile,
    /// Values of a row of the image.
    row_values: usize,
    /// Rows of the file. Row n of the image lies in row n modulo this.
    rows: usize,
    /// The first row that was not taken.
    first: usize,
}

impl Strip {
    /// So many rows of sums, all zero, in a file without a name in `folder`.
    ///
    /// # Errors
    /// [`DataError::SpillFile`].
    pub fn create(folder: &Path, rows: usize, row_values: usize) -> Result<Self, DataError> {
        let sums = SpillFile::create(folder, (rows * row_values * size_of::<f32>()) as u64)?;
        Ok(Self {
            sums,
            row_values,
            rows,
            first: 0,
        })
    }

    /// Changes a range of a row. The row is one of the first `rows` that were not taken yet.
    /// `change` gets its sums.
    ///
    /// # Errors
    /// [`DataError::SpillFile`].
    pub fn update(
        &mut self,
        row: usize,
        start: usize,
        sums: &mut [f32],
        change: impl FnOnce(&mut [f32]),
    ) -> Result<(), DataError> {
        let position = self.position(row) + (start * size_of::<f32>()) as u64;
        self.sums.read(position, bytemuck::cast_slice_mut(sums))?;
        change(sums);
        self.sums.write(position, bytemuck::cast_slice(sums))
    }

    /// The sums of the next rows, which are finished. Rows further down take their place in the
    /// file.
    ///
    /// # Errors
    /// [`DataError::SpillFile`].
    pub fn take(&mut self, rows: usize) -> Result<Vec<f32>, DataError> {
        let mut taken = vec![0.0; rows * self.row_values];
        let zeros = vec![0.0f32; self.row_values];
        for (row, sums) in (self.first..).zip(taken.chunks_exact_mut(self.row_values.max(1))) {
            let position = self.position(row);
            self.sums.read(position, bytemuck::cast_slice_mut(sums))?;
            self.sums.write(position, bytemuck::cast_slice(&zeros))?;
        }
        self.first += rows;
        Ok(taken)
    }

    fn position(&self, row: usize) -> u64 {
        (row % self.rows.max(1) * self.row_values * size_of::<f32>()) as u64
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn rows_take_turns_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut strip = Strip::create(folder.path(), 3, 4).unwrap();
        let add = |strip: &mut Strip, row: usize, start: usize, values: &[f32]| {
            let mut sums = vec![0.0; values.len()];
            strip
                .update(row, start, &mut sums, |sums| {
                    sums.iter_mut()
                        .zip(values)
                        .for_each(|(sum, value)| *sum += value)
                })
                .unwrap();
        };
        for row in 0..3 {
            add(&mut strip, row, 0, &[1.0, 2.0, row as f32]);
        }
        add(&mut strip, 1, 2, &[0.5, 7.0]);
        assert_eq!(
            strip.take(2).unwrap(),
            [1.0, 2.0, 0.0, 0.0, 1.0, 2.0, 1.5, 7.0]
        );
        add(&mut strip, 4, 3, &[9.0]);
        assert_eq!(
            strip.take(3).unwrap(),
            [1.0, 2.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 9.0]
        );
    }
}
