use crate::data::tools::{Filter, Task, Tool};
use crate::data::{PairReading, Palette, Pixels, ReadOptions, ReadTally, RowReader};
use std::fs;
use std::path::Path;

/// A grey picture of one row, as Netpbm: of two bytes a sample where `white` does not fit one.
fn write(path: &Path, white: u16, samples: &[u16]) {
    let head = format!("P5 {} 1 {white}\n", samples.len());
    let body = samples.iter().flat_map(|sample| match white {
        255 => vec![*sample as u8],
        _ => sample.to_be_bytes().to_vec(),
    });
    fs::write(path, head.bytes().chain(body).collect::<Vec<u8>>()).unwrap();
}

/// Counts in 16 bits and classes in 8 bits are no brightness. A dark photo, and a mask with nothing
/// in it, are not told.
#[test]
fn pictures_that_are_nearly_black_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    write(&place("counts.pgm"), 65535, &[300, 3017, 4094]);
    write(&place("classes.pgm"), 255, &[0, 3, 1]);
    write(&place("empty.pgm"), 255, &[0, 0, 0]);
    write(&place("dark.pgm"), 255, &[0, 3, 16]);
    write(&place("dark16.pgm"), 65535, &[0, 3, 4095]);
    let told = |pixels: &Pixels| {
        let [options, _] = PairReading::default().sides(pixels, pixels).unwrap();
        let mut tally = ReadTally::default();
        for name in ["counts", "classes", "empty", "dark", "dark16"] {
            options
                .read(&place(&format!("{name}.pgm")), &mut tally)
                .unwrap();
        }
        tally.lines().collect::<Vec<_>>()
    };
    let expected = format!(
        "images that are nearly black in every pixel: 2, such as {} (at most 4094 of 65535); \
         `reading.value_range` says what counts and heights mean, `input` labels that these are \
         classes",
        place("counts.pgm").display()
    );
    assert_eq!(told(&Pixels::Gray), [expected]);
    assert!(told(&Pixels::Labels(Palette::default())).is_empty());
}

/// One range for heights and for a photo leaves nothing of one of them. Each side is told. A label
/// map keeps its numbers.
#[test]
fn a_value_range_that_leaves_nothing_of_a_side_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    write(&place("a.pgm"), 65535, &[0, 3017, 9000]);
    write(&place("b.pgm"), 255, &[7, 250]);
    write(&place("wide.pgm"), 255, &[7, 250, 3]);
    let told = |range: &str, names: [&str; 2], nearest| {
        let asked = PairReading {
            value_range: Some(range.parse().unwrap()),
            ..PairReading::default()
        };
        let [reading, _] = asked.sides(&Pixels::Rgb, &Pixels::Rgb).unwrap();
        let tool = Tool::Combine {
            size: Some(4),
            filters: [Filter::Bicubic, nearest],
        };
        let task = Task {
            sources: names.map(place).into(),
            output: place("ab.png"),
        };
        let made = tool.make(&task, &reading).unwrap();
        let lines = made.tally.lines();
        lines
            .filter(|line| line.starts_with("images of"))
            .collect::<Vec<_>>()
    };
    let line = |side: char, shade: &str, range: &str, name: &str| {
        format!(
            "images of {side} that the value range {range} makes nearly {shade} in every pixel: 1, \
             such as {}; here both folders are read by one range: keep them apart as A/ and B/ of \
             a data set, for which `train` takes `reading.value_range` and \
             `reading.output_value_range`",
            place(name).display()
        )
    };
    let usual = Filter::Bicubic;
    let dark = line('B', "black", "0..9000", "b.pgm");
    assert_eq!(told("0..9000", ["a.pgm", "b.pgm"], usual), [dark]);
    let white = line('A', "white", "-9000..-8000", "a.pgm");
    let other = line('B', "white", "-9000..-8000", "wide.pgm");
    assert_eq!(
        told("-9000..-8000", ["a.pgm", "wide.pgm"], usual),
        [white, other]
    );
    let none: [String; 0] = [];
    assert_eq!(told("0..9000", ["a.pgm", "b.pgm"], Filter::Nearest), none);
    assert_eq!(told("0..255", ["b.pgm", "wide.pgm"], usual), none);
}

/// A photo of 8 bits does not fill the range of heights. Once for each file, in `prepare` as one
/// line with what the range makes of it, and never for numbers of labels.
#[test]
fn whole_numbers_that_cannot_fill_a_value_range_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    write(&place("photo.pgm"), 255, &[7, 250]);
    write(&place("other.pgm"), 255, &[17, 25]);
    write(&place("heights.pgm"), 65535, &[0, 1990]);
    image::GrayImage::from_pixel(2, 4, image::Luma([200]))
        .save(place("rows.png"))
        .unwrap();
    let reading = |range: &str, pixels: &Pixels| {
        let asked = PairReading {
            value_range: Some(range.parse().unwrap()),
            ..PairReading::default()
        };
        let [options, _] = asked.sides(pixels, pixels).unwrap();
        options
    };
    let told = |range: &str, pixels: &Pixels| {
        let mut tally = ReadTally::default();
        for name in ["heights.pgm", "photo.pgm", "other.pgm"] {
            let options = reading(range, pixels);
            options.read(&place(name), &mut tally).unwrap();
        }
        let mut rows = RowReader::open(&place("rows.png"), &reading(range, pixels)).unwrap();
        for _ in 0..4 {
            rows.read(1).unwrap();
        }
        tally.add(rows.tally().clone());
        tally.lines().collect::<Vec<_>>()
    };
    let line = |range: &str, count: usize, name: &str| {
        format!(
            "images of whole numbers up to 255, which fill less than a third of the value range \
             {range}: {count}, such as {}; read them apart from the others. The \
             `reading.value_range` 0..255 reads photos of 8 bits as they are",
            place(name).display()
        )
    };
    let labels = Pixels::Labels(Palette::default());
    assert_eq!(
        told("0..2000", &Pixels::Gray),
        [line("0..2000", 3, "photo.pgm")]
    );
    assert!(told("0..2000", &labels).is_empty());
    let negative = line("-1000..1000", 3, "photo.pgm");
    assert!(told("-1000..1000", &Pixels::Gray).contains(&negative));
    let wide = told("0..766", &Pixels::Gray);
    assert!(wide.contains(&line("0..766", 3, "photo.pgm")), "{wide:?}");
    let narrow = told("0..765", &Pixels::Gray);
    assert!(narrow.iter().all(|line| !line.contains("a third")));
    let combined = |range: &str, nearest| {
        let tool = Tool::Combine {
            size: Some(4),
            filters: [Filter::Bicubic, nearest],
        };
        let task = Task {
            sources: ["heights.pgm", "photo.pgm"].map(place).into(),
            output: place("ab.png"),
        };
        let made = tool.make(&task, &reading(range, &Pixels::Rgb)).unwrap();
        made.tally.lines().collect::<Vec<_>>()
    };
    assert_eq!(
        combined("0..2000", Filter::Bicubic),
        [line("0..2000", 1, "photo.pgm")]
    );
    assert!(combined("0..2000", Filter::Nearest).is_empty());
    let black = combined("0..9000", Filter::Bicubic);
    assert_eq!(black.len(), 1, "{black:?}");
    assert!(black[0].starts_with("images of B that the value range"));
}

/// Of a picture that is read by rows it is known at its end.
#[test]
fn rows_are_told_at_the_end_of_their_picture() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    let told = |samples: &[u8]| {
        let file = fs::File::create(&path).unwrap();
        let mut writer = png::Encoder::new(file, 1, samples.len() as u32)
            .write_header()
            .unwrap();
        writer.write_image_data(samples).unwrap();
        writer.finish().unwrap();
        let mut reader = RowReader::open(&path, &ReadOptions::default()).unwrap();
        for _ in samples {
            assert_eq!(reader.tally().lines().count(), 0);
            reader.read(1).unwrap();
        }
        reader.tally().lines().collect::<Vec<_>>()
    };
    let lines = told(&[1, 3, 2]);
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains("1, such as ") && lines[0].contains("(at most 3 of 255)"));
    assert!(told(&[1, 16, 2]).is_empty());
    assert!(told(&[0, 0]).is_empty());
}
