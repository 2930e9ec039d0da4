//! What a profile says of its colours (ICC.1:2022): its name, and whether they are those of sRGB.

/// Names that say so.
const SRGB_NAMES: [&str; 2] = ["srgb", "sgray"];
/// Red, green and blue of sRGB (IEC 61966-2-1), as profiles have them: X, Y and Z under D50.
const SRGB_PRIMARIES: [(&[u8; 4], [f64; 3]); 3] = [
    (b"rXYZ", [0.4361, 0.2225, 0.0139]),
    (b"gXYZ", [0.3851, 0.7169, 0.0971]),
    (b"bXYZ", [0.1431, 0.0606, 0.7139]),
];
const PRIMARY_STEP: f64 = 0.003;
/// The light of half of white in sRGB. A gamma of 2.2 counts as well.
const SRGB_HALF: f64 = 0.2140;
const HALF_STEP: f64 = 0.006;
/// Characters of a name that are shown.
const LONGEST_NAME: usize = 60;

/// The name of a profile whose colours are not those of sRGB; `None` if they are.
pub(super) fn other_profile(bytes: &[u8]) -> Option<String> {
    let profile = IccProfile(bytes);
    let name = profile.name().unwrap_or_default();
    let shown = name.chars().filter(|c| !c.is_control());
    let name: String = shown.take(LONGEST_NAME).collect();
    let lower = name.to_lowercase();
    let is_srgb = SRGB_NAMES.iter().any(|known| lower.contains(known));
    match name.is_empty() {
        _ if is_srgb || profile.is_like_srgb() => None,
        true => Some("a profile without a name".to_owned()),
        false => Some(name),
    }
}

struct IccProfile<'a>(&'a [u8]);

impl<'a> IccProfile<'a> {
    fn bytes(&self, at: usize, length: usize) -> Option<&'a [u8]> {
        self.0.get(at..at.checked_add(length)?)
    }

    fn number(&self, at: usize) -> Option<usize> {
        let digits = self.bytes(at, 4)?;
        let append = |value: usize, digit: &u8| value << 8 | usize::from(*digit);
        Some(digits.iter().fold(0, append))
    }

    /// A number with 16 binary digits behind the point (4.6).
    fn fixed(&self, at: usize) -> Option<f64> {
        let digits: [u8; 4] = self.bytes(at, 4)?.try_into().ok()?;
        Some(f64::from(i32::from_be_bytes(digits)) / 65_536.0)
    }

    /// Where the data of a tag begins (7.3).
    fn tag(&self, kind: &[u8; 4]) -> Option<usize> {
        const TABLE: usize = 128;
        const MOST_TAGS: usize = 1000;
        let count = self.number(TABLE)?.min(MOST_TAGS);
        let mut entries = (0..count).map(|index| TABLE + 4 + 12 * index);
        let entry = entries.find(|&at| self.bytes(at, 4) == Some(kind))?;
        let start = self.number(entry + 4)?;
        (start < self.0.len()).then_some(start)
    }

    fn name(&self) -> Option<String> {
        let start = self.tag(b"desc")?;
        match self.bytes(start, 4)? {
            // Text of 8 bits, with its length.
            b"desc" => {
                let text = self.bytes(start.checked_add(12)?, self.number(start + 8)?)?;
                Some(String::from_utf8_lossy(text).into())
            }
            // Text of 16 bits in several languages (10.15). The first counts.
            b"mluc" => {
                let from = start.checked_add(self.number(start + 24)?)?;
                let pairs = self.bytes(from, self.number(start + 20)?)?.chunks_exact(2);
                let words = pairs.map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
                let words: Vec<u16> = words.collect();
                Some(String::from_utf16_lossy(&words))
            }
            _ => None,
        }
    }

    /// Whether its curve, and its primaries if it has colours, are those of sRGB.
    fn is_like_srgb(&self) -> bool {
        let is_grey = self.bytes(16, 4) == Some(b"GRAY");
        let curve = self.half(if is_grey { b"kTRC" } else { b"gTRC" });
        let is_near = |(kind, expected): &(&[u8; 4], [f64; 3])| {
            let found = self
                .tag(kind)
                .map(|start| [8, 12, 16].map(|at| self.fixed(start + at)));
            found.is_some_and(|found| {
                let mut both = found.iter().zip(expected);
                both.all(|(found, expected)| {
                    found.is_some_and(|found| (found - expected).abs() < PRIMARY_STEP)
                })
            })
        };
        curve.is_some_and(|half| (half - SRGB_HALF).abs() < HALF_STEP)
            && (is_grey || SRGB_PRIMARIES.iter().all(is_near))
    }

    /// The light of half of white, by a curve (10.6 and 10.18).
    fn half(&self, kind: &[u8; 4]) -> Option<f64> {
        let start = self.tag(kind)?;
        let short = |at: usize| {
            let pair = self.bytes(at, 2)?;
            Some(f64::from(u16::from_be_bytes([pair[0], pair[1]])))
        };
        match self.bytes(start, 4)? {
            b"curv" => match self.number(start + 8)? {
                0 => Some(0.5),
                1 => Some(0.5_f64.powf(short(start + 12)? / 256.0)),
                count => Some(short(start.checked_add(12 + (count - 1) / 2 * 2)?)? / 65_535.0),
            },
            b"para" => {
                let kind = short(start + 8)?;
                let value = |index: usize| self.fixed(start + 12 + 4 * index);
                let gamma = value(0)?;
                // Half of white lies above the straight part of every such curve.
                let (scale, shift) = match kind {
                    0.0 => (1.0, 0.0),
                    _ => (value(1)?, value(2)?),
                };
                let offset = match kind {
                    2.0 => value(3)?,
                    4.0 => value(5)?,
                    _ => 0.0,
                };
                Some((0.5 * scale + shift).powf(gamma) + offset)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const P3_PRIMARIES: [[f64; 3]; 3] = [
        [0.5151, 0.2412, -0.0011],
        [0.2920, 0.6922, 0.0419],
        [0.1571, 0.0666, 0.7841],
    ];

    fn number(value: usize) -> [u8; 4] {
        (value as u32).to_be_bytes()
    }

    fn fixed(value: f64) -> [u8; 4] {
        ((value * 65_536.0).round() as i32).to_be_bytes()
    }

    /// A profile of these tags.
    fn profile(space: &[u8; 4], tags: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
        let mut bytes = [&[0; 16][..], space, &[0; 108], &number(tags.len())].concat();
        let mut start = bytes.len() + 12 * tags.len();
        for (kind, data) in tags {
            bytes.extend([**kind, number(start), number(data.len())].as_flattened());
            start += data.len();
        }
        tags.iter().for_each(|(_, data)| bytes.extend(data));
        bytes
    }

    fn colours(primaries: [[f64; 3]; 3], curve: Vec<u8>) -> Vec<u8> {
        let xyz = |values: [f64; 3]| {
            let values = values.map(fixed);
            [b"XYZ \0\0\0\0", values.as_flattened()].concat()
        };
        let [red, green, blue] = primaries.map(xyz);
        let tags = [
            (b"rXYZ", red),
            (b"gXYZ", green),
            (b"bXYZ", blue),
            (b"gTRC", curve),
        ];
        profile(b"RGB ", &tags)
    }

    fn gamma(gamma: f64) -> Vec<u8> {
        let value = ((gamma * 256.0).round() as u16).to_be_bytes();
        [b"curv\0\0\0\0", &number(1)[..], &value].concat()
    }

    fn table(values: &[u16]) -> Vec<u8> {
        let words: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_be_bytes())
            .collect();
        [b"curv\0\0\0\0", &number(values.len())[..], &words].concat()
    }

    fn formula(kind: u8, values: &[f64]) -> Vec<u8> {
        let values: Vec<u8> = values.iter().copied().flat_map(fixed).collect();
        [b"para\0\0\0\0", &[0, kind, 0, 0][..], &values].concat()
    }

    /// Small profiles, as they are written for the web, have names that say nothing.
    #[test]
    fn srgb_is_known_by_its_numbers() {
        let srgb = SRGB_PRIMARIES.map(|(_, primary)| primary);
        let exact = [2.4, 1.0 / 1.055, 0.055 / 1.055, 1.0 / 12.92, 0.04045];
        for (primaries, curve, is_srgb) in [
            (srgb, gamma(2.2), true),
            (srgb, formula(3, &exact), true),
            (srgb, formula(0, &[2.2]), true),
            (srgb, table(&[0, 14_025, 65_535]), true),
            (srgb, gamma(1.8), false),
            (srgb, table(&[]), false),
            (srgb, formula(0, &[1.0]), false),
            (P3_PRIMARIES, formula(3, &exact), false),
        ] {
            let bytes = colours(primaries, curve.clone());
            assert_eq!(other_profile(&bytes).is_none(), is_srgb, "{curve:?}");
            let grey = profile(b"GRAY", &[(b"kTRC", curve)]);
            assert_eq!(
                other_profile(&grey).is_none(),
                is_srgb || primaries == P3_PRIMARIES
            );
        }
    }

    #[test]
    fn damaged_profiles_are_others_without_a_name() {
        let whole = colours(P3_PRIMARIES, gamma(2.2));
        for length in 0..whole.len() {
            let found = other_profile(&whole[..length]);
            assert_eq!(found.as_deref(), Some("a profile without a name"));
        }
    }
}
