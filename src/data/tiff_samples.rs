//! The samples of a TIFF, of any type, as those of a picture.

use tiff::decoder::DecodingResult;

use super::depth::Depth;
use super::values::floats::floats;
use super::values::mapping::Numbers;
use super::values::{Extent, ValueError};

/// Whole numbers of 32 bits whose largest is smaller would all be black, or nearly so.
const DARKEST_SHIFT: u32 = 8;

/// The samples of a picture: those of 8 and 16 bits as they are, floats from 0..1, and wide whole
/// numbers scaled from their whole range.
///
/// # Errors
/// Samples of which it is not known what black and white are: their range, and what to do.
pub(super) fn picture_samples(
    file: &Numbers,
    samples: DecodingResult,
) -> Result<(Depth, Vec<u8>), ValueError> {
    let no_range = |what| ValueError::NoRange {
        path: file.path.to_owned(),
        what,
    };
    match samples {
        DecodingResult::U8(bytes) => Ok((Depth::Eight, bytes)),
        DecodingResult::U16(words) => Ok(sixteen(words.into_iter())),
        DecodingResult::U32(wide) => {
            let [least, most] = range(&wide).unwrap_or_default();
            refuse_dark(most.into(), 32, least.into()).map_err(no_range)?;
            // 65537 steps of 32 bits to one of 16, rounded.
            let scaled = |value: u32| ((u64::from(value) + 32_768) / 65_537) as u16;
            Ok(sixteen(wide.into_iter().map(scaled)))
        }
        DecodingResult::U64(wide) => {
            let [least, most] = range(&wide).unwrap_or_default();
            refuse_dark(most, 64, least).map_err(no_range)?;
            let scaled = |value: u64| (value >> 48) as u16;
            Ok(sixteen(wide.into_iter().map(scaled)))
        }
        DecodingResult::I8(signed) => Err(no_range(refuse_signed(&signed))),
        DecodingResult::I16(signed) => Err(no_range(refuse_signed(&signed))),
        DecodingResult::I32(signed) => Err(no_range(refuse_signed(&signed))),
        DecodingResult::I64(signed) => Err(no_range(refuse_signed(&signed))),
        _ => {
            if let Some((index, nan)) = (0..)
                .zip(floats(&samples))
                .find(|(_, value)| value.is_nan())
            {
                return Err(file.missing(index, nan, false));
            }
            refuse_floats(&samples, file.marked).map_err(no_range)?;
            let white = f64::from(Depth::Sixteen.max());
            let words = floats(&samples).map(|value| (value * white).round() as u16);
            Ok(sixteen(words))
        }
    }
}

/// Samples of fewer bits than a byte, each row from a byte on, one a byte.
pub(super) fn unpacked(packed: &[u8], row_samples: usize, bits: u8) -> Vec<u8> {
    let mask = (1u16 << bits) - 1;
    let row = |bytes: &[u8]| -> Vec<u8> {
        let sample = |index: usize| {
            let bit = index * usize::from(bits);
            // A sample of an odd number of bits may lie in two bytes.
            let pair = [0, 1].map(|next| bytes.get(bit / 8 + next).copied().unwrap_or(0));
            let shift = 16 - bit % 8 - usize::from(bits);
            (u16::from_be_bytes(pair) >> shift & mask) as u8
        };
        (0..row_samples).map(sample).collect()
    };
    let row_bytes = (row_samples * usize::from(bits)).div_ceil(8).max(1);
    packed.chunks(row_bytes).flat_map(row).collect()
}

/// Whole numbers of fewer bits than a byte, each row from a byte on, as numbers of 8 bits. Those
/// without a sign are scaled, and those with a sign keep what they are.
pub(super) fn of_whole_bytes(packed: DecodingResult, row: usize, bits: u8) -> DecodingResult {
    match packed {
        DecodingResult::U8(bytes) => {
            let white = (1u16 << bits) - 1;
            let scaled = |sample: &mut u8| *sample = (u16::from(*sample) * 255 / white) as u8;
            let mut samples = unpacked(&bytes, row, bits);
            samples.iter_mut().for_each(scaled);
            DecodingResult::U8(samples)
        }
        DecodingResult::I8(bytes) => {
            let bytes: Vec<u8> = bytes.into_iter().map(i8::cast_unsigned).collect();
            let above = 8 - bits;
            // The shift to the right repeats the sign.
            let extended = |sample: u8| (sample << above).cast_signed() >> above;
            let samples = unpacked(&bytes, row, bits).into_iter().map(extended);
            DecodingResult::I8(samples.collect())
        }
        other => other,
    }
}

fn sixteen(words: impl Iterator<Item = u16>) -> (Depth, Vec<u8>) {
    (Depth::Sixteen, words.flat_map(u16::to_ne_bytes).collect())
}

fn range<T: Copy + Ord>(values: &[T]) -> Option<[T; 2]> {
    Some([*values.iter().min()?, *values.iter().max()?])
}

fn refuse_dark(most: u64, bits: u32, least: u64) -> Result<(), String> {
    if most == 0 || most >> (bits - DARKEST_SHIFT) > 0 {
        return Ok(());
    }
    Err(format!(
        "its whole numbers of {bits} bits lie between {least} and {most}, all of which would be \
         black: save them as 16 bits"
    ))
}

fn refuse_signed<T: Copy + Ord + std::fmt::Display>(values: &[T]) -> String {
    let found = range(values).map_or(String::new(), |[least, most]| {
        format!(", between {least} and {most}")
    });
    format!("its numbers have a sign{found}: scale them to 8 or 16 bits without")
}

/// Refuses floats outside of 0..1. `marked` is what the file calls no data.
fn refuse_floats(samples: &DecodingResult, marked: Option<f64>) -> Result<(), String> {
    let all = Extent::default().with(floats(samples));
    if all.low >= 0.0 && all.high <= 1.0 {
        return Ok(());
    }
    let outside = marked.filter(|nodata| !(0.0..=1.0).contains(nodata));
    let missing = outside.map_or(String::new(), |nodata| format!(" ({nodata} is no data)"));
    Err(format!(
        "its floats lie between {} and {}{missing}, and 0 to 1 is read: scale them to that",
        all.low, all.high
    ))
}
