//! The samples of a TIFF, of any type, as those of a picture.

use tiff::decoder::DecodingResult;

use super::depth::Depth;

/// Whole numbers of 32 bits whose largest is smaller would all be black, or nearly so.
const DARKEST_SHIFT: u32 = 8;

/// The samples of a picture: those of 8 and 16 bits as they are, floats from 0..1, and wide whole
/// numbers scaled from their whole range.
///
/// # Errors
/// What samples a picture cannot hold: their range, and what to do.
pub(super) fn picture_samples(samples: DecodingResult) -> Result<(Depth, Vec<u8>), String> {
    match samples {
        DecodingResult::U8(bytes) => Ok((Depth::Eight, bytes)),
        DecodingResult::U16(words) => Ok(sixteen(words.into_iter())),
        DecodingResult::U32(wide) => {
            let [least, most] = range(&wide).unwrap_or_default();
            refuse_dark(most.into(), 32, least.into())?;
            // 65537 steps of 32 bits to one of 16, rounded.
            let scaled = |value: u32| ((u64::from(value) + 32_768) / 65_537) as u16;
            Ok(sixteen(wide.into_iter().map(scaled)))
        }
        DecodingResult::U64(wide) => {
            let [least, most] = range(&wide).unwrap_or_default();
            refuse_dark(most, 64, least)?;
            let scaled = |value: u64| (value >> 48) as u16;
            Ok(sixteen(wide.into_iter().map(scaled)))
        }
        DecodingResult::F16(floats) => unit(floats.iter().map(|value| value.to_f64())),
        DecodingResult::F32(floats) => unit(floats.iter().map(|&value| value.into())),
        DecodingResult::F64(floats) => unit(floats.iter().copied()),
        DecodingResult::I8(signed) => Err(refuse_signed(&signed)),
        DecodingResult::I16(signed) => Err(refuse_signed(&signed)),
        DecodingResult::I32(signed) => Err(refuse_signed(&signed)),
        DecodingResult::I64(signed) => Err(refuse_signed(&signed)),
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

/// Floats from 0..1.
fn unit(values: impl Iterator<Item = f64> + Clone) -> Result<(Depth, Vec<u8>), String> {
    if values.clone().any(f64::is_nan) {
        return Err("it has floats that are no number (NaN): fill them".to_owned());
    }
    let least = values.clone().fold(f64::INFINITY, f64::min);
    let most = values.clone().fold(f64::NEG_INFINITY, f64::max);
    if least < 0.0 || most > 1.0 {
        return Err(format!(
            "its floats lie between {least} and {most}, and 0 to 1 is read: scale them to that"
        ));
    }
    let white = f64::from(Depth::Sixteen.max());
    Ok(sixteen(values.map(|value| (value * white).round() as u16)))
}
