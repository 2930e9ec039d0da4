//! Images and files that are larger than they may be.

use std::path::Path;

use super::error::DataError;
use super::limits::{MAX_BYTES, MAX_SIDE, PIXEL_BYTES, SizeLimit};

impl SizeLimit {
    /// Refuses an image of this width and height, and of so many bytes once it is decoded.
    ///
    /// # Errors
    /// [`DataError::TooLarge`].
    pub(super) fn check(
        self,
        path: &Path,
        (width, height): (u32, u32),
        decoded: u64,
    ) -> Result<(), DataError> {
        let pixels = u64::from(width).saturating_mul(height.into());
        let needed = pixels.max(decoded.div_ceil(PIXEL_BYTES));
        let fits = match self {
            Self::Usual => width.max(height) <= MAX_SIDE && decoded <= MAX_BYTES,
            Self::Pixels(most) => needed <= most,
        };
        if fits {
            return Ok(());
        }
        let mut reason = format!("{width}x{height} pixels");
        if needed > pixels || matches!(self, Self::Usual) && width.max(height) <= MAX_SIDE {
            reason += &format!(", {} MiB decoded", decoded >> 20);
        }
        Err(self.too_large(path, reason, Some(needed)))
    }

    /// Whether an image may be read some rows at a time.
    pub(super) fn fits_by_rows(self, path: &Path, size: (u32, u32), decoded: u64) -> bool {
        match self {
            // Its size does not matter: one row of strips or tiles is in memory.
            Self::Usual => true,
            Self::Pixels(_) => self.check(path, size, decoded).is_ok(),
        }
    }

    /// Refuses a file of so many bytes.
    ///
    /// # Errors
    /// [`DataError::TooLarge`].
    pub(super) fn check_file(self, path: &Path, bytes: u64) -> Result<(), DataError> {
        if bytes <= self.file_bytes() {
            return Ok(());
        }
        let reason = format!("the file has {} MiB", bytes >> 20);
        Err(self.too_large(path, reason, Some(bytes.div_ceil(PIXEL_BYTES))))
    }

    /// An image, or a file, that is larger. `needed` is the number of pixels that it would take.
    pub(super) fn too_large(self, path: &Path, reason: String, needed: Option<u64>) -> DataError {
        DataError::TooLarge {
            path: path.to_owned(),
            reason,
            limit: self,
            needed,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::data::limits::MAX_SQUARE;

    #[test]
    fn the_largest_square_fits() {
        let fits = |width: u32, height: u32| {
            let decoded = 3 * u64::from(width) * u64::from(height);
            let checked = SizeLimit::Usual.check(Path::new("a.png"), (width, height), decoded);
            checked.is_ok()
        };
        assert!(fits(MAX_SQUARE, MAX_SQUARE) && !fits(MAX_SQUARE + 1, MAX_SQUARE + 1));
        assert!(fits(MAX_SIDE, MAX_SIDE / 2), "two squares side by side");
        assert!(!fits(MAX_SIDE + 2, 1));
    }

    /// A limit is met at its last pixel, and each refusal names the limit that is enough.
    #[test]
    fn a_refusal_names_the_number_of_pixels_that_is_enough() {
        let path = Path::new("a.tif");
        let large = [
            (
                (30_000, 20_000),
                1_800_000_000,
                "600000000",
                "30000x20000 pixels)",
            ),
            (
                (13_378, 13_377),
                536_871_018,
                "178957506",
                "13378x13377 pixels",
            ),
            (
                (100, 100),
                1 << 40,
                "68719476736",
                "100x100 pixels, 1048576 MiB decoded)",
            ),
        ];
        for (size, decoded, enough, what) in large {
            for limit in [SizeLimit::Usual, SizeLimit::Pixels(1_000_000)] {
                let said = limit.check(path, size, decoded).unwrap_err().to_string();
                assert!(
                    said.starts_with(&format!("a.tif: is too large ({what}")),
                    "{said}"
                );
                assert!(said.contains(&format!("the limit is {limit}: ")), "{said}");
                let remedy = format!("or read it with `reading.max_pixels` {enough}");
                assert!(said.ends_with(&remedy), "{said}");
            }
            let enough: u64 = enough.parse().unwrap();
            assert!(SizeLimit::Pixels(enough).check(path, size, decoded).is_ok());
            let refused = SizeLimit::Pixels(enough - 1).check(path, size, decoded);
            assert!(refused.is_err());
        }
        let file = SizeLimit::Pixels(1).check_file(path, 1 << 30).unwrap_err();
        assert!(
            file.to_string().contains("(the file has 1024 MiB)"),
            "{file}"
        );
        assert!(
            file.to_string().ends_with("`reading.max_pixels` 67108864"),
            "{file}"
        );
        assert!(
            SizeLimit::Pixels(67_108_864)
                .check_file(path, 1 << 30)
                .is_ok()
        );
    }
}
