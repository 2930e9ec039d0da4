//! Colours of label maps, and how they are written.

/// A colour of a label map, in samples of 16 bits. Samples of 8 bits are multiplied by 257. So the
/// small numbers of a 16-bit map stay different colours.
pub type Colour = [u16; 3];

/// Samples of 16 bits to one of 8.
pub(super) const STEP: u16 = u16::MAX / u8::MAX as u16;

/// A colour as `rrggbb`, or as `rrrrggggbbbb` where 8 bits do not hold it.
pub(super) fn hex(colour: Colour) -> String {
    match colour.iter().all(|sample| sample.is_multiple_of(STEP)) {
        true => colour
            .map(|sample| format!("{:02x}", sample / STEP))
            .concat(),
        false => colour.map(|sample| format!("{sample:04x}")).concat(),
    }
}

/// The colour that [`hex`] writes so.
pub(super) fn parse_colour(digits: &str) -> Option<Colour> {
    let scale = match digits.len() {
        6 => STEP,
        12 => 1,
        _ => return None,
    };
    let word = u64::from_str_radix(digits, 16)
        .ok()
        .filter(|_| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let bits = 4 * digits.len() as u32 / 3;
    Some(
        [2, 1, 0]
            .map(|place| (word >> (place * bits)) as u16 & (u16::MAX / scale))
            .map(|sample| sample * scale),
    )
}
