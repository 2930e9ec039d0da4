//! Numbers of every type as floats.

use tiff::decoder::DecodingResult;

/// All numbers as floats. Whole numbers beyond 2^53 are rounded.
pub(in crate::data) fn floats(numbers: &DecodingResult) -> Box<dyn Iterator<Item = f64> + '_> {
    match numbers {
        DecodingResult::U8(all) => Box::new(all.iter().map(|&number| number.into())),
        DecodingResult::U16(all) => Box::new(all.iter().map(|&number| number.into())),
        DecodingResult::U32(all) => Box::new(all.iter().map(|&number| number.into())),
        DecodingResult::U64(all) => Box::new(all.iter().map(|&number| number as f64)),
        DecodingResult::F16(all) => Box::new(all.iter().map(|number| number.to_f64())),
        DecodingResult::F32(all) => Box::new(all.iter().map(|&number| number.into())),
        DecodingResult::F64(all) => Box::new(all.iter().copied()),
        DecodingResult::I8(all) => Box::new(all.iter().map(|&number| number.into())),
        DecodingResult::I16(all) => Box::new(all.iter().map(|&number| number.into())),
        DecodingResult::I32(all) => Box::new(all.iter().map(|&number| number.into())),
        DecodingResult::I64(all) => Box::new(all.iter().map(|&number| number as f64)),
    }
}

/// A number in the type of these.
pub(in crate::data) fn rounded(numbers: &DecodingResult, number: f64) -> f64 {
    match numbers {
        DecodingResult::F16(_) => half::f16::from_f64(number).into(),
        DecodingResult::F32(_) => f64::from(number as f32),
        _ => number,
    }
}

/// The largest number of a type of whole numbers; 1 for floats.
pub(in crate::data) fn most(numbers: &DecodingResult) -> f64 {
    match numbers {
        DecodingResult::U8(_) => u8::MAX.into(),
        DecodingResult::U16(_) => u16::MAX.into(),
        DecodingResult::U32(_) => u32::MAX.into(),
        DecodingResult::U64(_) => u64::MAX as f64,
        DecodingResult::I8(_) => i8::MAX.into(),
        DecodingResult::I16(_) => i16::MAX.into(),
        DecodingResult::I32(_) => i32::MAX.into(),
        DecodingResult::I64(_) => i64::MAX as f64,
        DecodingResult::F16(_) | DecodingResult::F32(_) | DecodingResult::F64(_) => 1.0,
    }
}

/// The first numbers of each row of so many numbers, of the first `rows`. `lengths` are those of a
/// row, and of what is kept of it.
pub(in crate::data) fn cropped(
    numbers: DecodingResult,
    lengths: [usize; 2],
    rows: usize,
) -> DecodingResult {
    fn part<T: Copy>(all: Vec<T>, [row, kept]: [usize; 2], rows: usize) -> Vec<T> {
        if row == kept && all.len() == row * rows {
            return all;
        }
        let rows = all.chunks_exact(row.max(1)).take(rows);
        rows.flat_map(|row| &row[..kept.min(row.len())])
            .copied()
            .collect()
    }
    macro_rules! parts {
        ($($kind:ident),*) => {
            match numbers {
                $(DecodingResult::$kind(all) => DecodingResult::$kind(part(all, lengths, rows)),)*
            }
        };
    }
    parts!(U8, U16, U32, U64, F16, F32, F64, I8, I16, I32, I64)
}
