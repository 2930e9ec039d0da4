//! What kind of JPEG a file is, and whether all of it is there (ITU-T T.81). The decoder paints
//! over what is missing, shows wrong colours for some kinds, and calls other kinds damaged.

/// Why a JPEG is not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JpegFault {
    /// What it is: a kind that is not read here.
    Kind(&'static str),
    /// What is missing.
    Missing(&'static str),
}

/// The parts of a colour: how many samples it has across and down for each block of pixels.
struct Component {
    id: u8,
    across: u32,
    down: u32,
}

/// The frame header (annex B.2.2).
struct FrameHeader {
    width: u32,
    height: u32,
    components: Vec<Component>,
}

/// The file up to a marker.
#[derive(Default)]
struct Walk {
    frame: Option<FrameHeader>,
    /// Units between two restart markers; 0 without such markers.
    interval: u32,
    /// Restart markers that the scan still has to have.
    restarts: u32,
}

/// Walks the segments of a file up to its end-of-image marker. Thumbnails inside segments have
/// markers of their own, so segments are jumped over; inside a scan, `FF 00` is data (annex B.1.1).
///
/// # Errors
/// The file should not be given to the decoder.
pub(super) fn check_jpeg(bytes: &[u8]) -> Result<(), JpegFault> {
    const END: JpegFault = JpegFault::Missing("the end of the picture is missing");
    let mut walk = Walk::default();
    let mut at = 2; // behind the start-of-image marker
    loop {
        let mut rest = bytes.get(at..).ok_or(END)?.iter();
        at += rest.position(|&byte| byte == 0xFF).ok_or(END)? + 1;
        match *bytes.get(at).ok_or(END)? {
            0xD9 => return walk.end_of_scan(),
            0xD0..=0xD7 => {
                walk.restarts = walk.restarts.saturating_sub(1);
                at += 1;
            }
            // Stuffed data, a marker without a length, and fill bytes.
            0x00 | 0x01 | 0xD8 => at += 1,
            0xFF => {}
            marker => {
                walk.end_of_scan()?;
                let length = word(bytes, at + 1).ok_or(END)?;
                let end = at + 1 + length as usize;
                walk.segment(marker, bytes.get(at + 3..end).ok_or(END)?)?;
                at = end;
            }
        }
    }
}

/// The number of two bytes at this place.
fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let pair = bytes.get(at..at.checked_add(2)?)?;
    Some(u32::from(pair[0]) << 8 | u32::from(pair[1]))
}

impl Walk {
    fn end_of_scan(&self) -> Result<(), JpegFault> {
        match self.restarts {
            0 => Ok(()),
            _ => Err(JpegFault::Missing("a part in its middle is missing")),
        }
    }

    /// What a segment says. Those that are too short say nothing; the decoder tells of them.
    fn segment(&mut self, marker: u8, data: &[u8]) -> Result<(), JpegFault> {
        match marker {
            // Huffman tables, and a marker without a meaning, lie among the frame headers.
            0xC4 | 0xC8 => {}
            0xC0..=0xCF | 0xF7 => {
                self.frame = frame(data);
                return check_kind(marker, data, self.frame.as_ref());
            }
            0xDD => self.interval = word(data, 0).unwrap_or(0),
            0xDA => self.restarts = self.restarts_of(data).unwrap_or(0),
            _ => {}
        }
        Ok(())
    }

    /// How many restart markers a scan has (annex A.2): its units are blocks of one component, or
    /// the blocks of all components for an area.
    fn restarts_of(&self, scan: &[u8]) -> Option<u32> {
        let FrameHeader {
            width,
            height,
            components,
        } = self.frame.as_ref()?;
        let across = components.iter().map(|part| part.across).max()?;
        let down = components.iter().map(|part| part.down).max()?;
        let units = if *scan.first()? == 1 {
            let id = *scan.get(1)?;
            let part = components.iter().find(|part| part.id == id)?;
            let blocks =
                |pixels: u32, share: u32, of: u32| (pixels * share).div_ceil(of).div_ceil(8);
            blocks(*width, part.across, across) * blocks(*height, part.down, down)
        } else {
            width.div_ceil(8 * across) * height.div_ceil(8 * down)
        };
        units.checked_sub(1)?.checked_div(self.interval)
    }
}

/// The frame header in this segment; `None` if it is damaged.
fn frame(data: &[u8]) -> Option<FrameHeader> {
    let count = usize::from(*data.get(5)?);
    let components = data.get(6..6 + 3 * count)?.chunks_exact(3).map(|part| {
        let [across, down] = [part[1] >> 4, part[1] & 15].map(u32::from);
        let id = part[0];
        (across > 0 && down > 0).then_some(Component { id, across, down })
    });
    Some(FrameHeader {
        height: word(data, 1)?,
        width: word(data, 3)?,
        components: components.collect::<Option<_>>()?,
    })
}

/// Refuses what the decoder does not decode, or decodes to wrong colours.
fn check_kind(marker: u8, data: &[u8], frame: Option<&FrameHeader>) -> Result<(), JpegFault> {
    let kind = match marker {
        0xC0..=0xC2 if data.first().is_some_and(|&bits| bits != 8) => {
            "it is a JPEG of more than 8 bits a sample"
        }
        0xC0..=0xC2 => {
            let parts = frame.map_or(&[][..], |frame| &frame.components);
            let Some(first) = parts.first() else {
                return Ok(());
            };
            let is_finer = |part: &Component| part.across > first.across || part.down > first.down;
            if !parts.iter().any(is_finer) {
                return Ok(());
            }
            "it is a JPEG whose colours have more samples than its brightness"
        }
        0xC3 => "it is a lossless JPEG",
        0xF7 => "it is JPEG-LS",
        0xC9..=0xCC => "it is a JPEG with arithmetic coding",
        _ => "it is a hierarchical JPEG",
    };
    Err(JpegFault::Kind(kind))
}
