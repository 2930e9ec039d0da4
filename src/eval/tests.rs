use super::*;
use crate::data::{Depth, Palette, Picture};
use crate::metrics::Metric;

fn picture(side: u32, sample: impl Fn(u32, u32) -> u8) -> Picture {
    let places = (0..side).flat_map(|y| (0..side).map(move |x| (x, y)));
    let bytes: Vec<u8> = places.flat_map(|(x, y)| [sample(x, y); 3]).collect();
    Picture::from_bytes(side, side, 3, Depth::Eight, bytes).unwrap()
}

/// Four examples of 16 pixels a side: the first output is its target, the others are 10, 20 and 30
/// steps off. Inputs are 5 steps off.
fn examples() -> Vec<Example> {
    let target = |x: u32, y: u32| (x * 7 + y * 5 + x * y % 3) as u8;
    (0..4)
        .map(|number: u8| Example {
            name: format!("{number}.png"),
            input: picture(16, |x, y| target(x, y) + 5),
            output: picture(16, |x, y| target(x, y) + 10 * number),
            target: picture(16, target),
        })
        .collect()
}

fn evaluate(scorer: Scorer, examples: &[Example]) -> Evaluation {
    let mut scorer = scorer;
    scorer.add(examples).unwrap();
    scorer.finish("model".to_owned(), "pairs".to_owned(), Vec::new())
}

#[test]
fn outputs_copies_and_the_mean_target_are_scored_in_their_order() {
    let grey = picture(16, |_, _| 90);
    let evaluation = evaluate(Scorer::new(true, Some(grey), None), &examples());
    let mae = |subject| {
        let images = evaluation.images.iter();
        images
            .map(|image| image.of(subject).unwrap().get(Metric::Mae).unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(mae(Subject::Output), [0.0, 10.0, 20.0, 30.0]);
    assert_eq!(mae(Subject::Copy), [5.0; 4]);
    assert!(mae(Subject::MeanTarget)[0] > 20.0);
    let mean = evaluation.mean(Metric::Mae).unwrap();
    assert_eq!((mean.mean, mean.count), (15.0, 4));
    assert!(mean.low < 15.0 && 15.0 < mean.high);
    // A constant changes neither neighbours nor what they share.
    let sharpness = evaluation.mean(Metric::Sharpness).unwrap();
    assert!((sharpness.mean - 1.0).abs() < 1e-12);
    assert_eq!(evaluation.images[3].name, "3.png");
    let [output, copy, mean] = evaluation.colours.map(Option::unwrap);
    assert!(output[0] < 1.0 && copy[0] < 1.0 && mean[0] < output[0]);
}

#[test]
fn what_makes_no_sense_is_left_out_and_what_is_not_defined_is_told() {
    let mut examples = examples();
    examples[2].target = picture(16, |_, _| 90);
    let other_size = picture(17, |_, _| 90);
    let evaluation = evaluate(Scorer::new(false, Some(other_size), None), &examples);
    let first = &evaluation.images[0];
    assert!(first.of(Subject::Copy).is_none() && first.of(Subject::MeanTarget).is_none());
    assert_eq!(
        evaluation.images[2]
            .of(Subject::Output)
            .unwrap()
            .get(Metric::Sharpness),
        None
    );
    let told: Vec<(Metric, usize)> = evaluation
        .undefined
        .iter()
        .map(|undefined| (undefined.metric, undefined.images))
        .collect();
    let flat = [(Metric::Sharpness, 1), (Metric::HighestFrequency, 1)];
    assert_eq!(told, [&[(Metric::MsSsim, 4)], &flat[..]].concat());
    let notes = evaluation.all_notes();
    assert_eq!(
        notes[1],
        "sharpness is not defined for 1 of 4 images, such as 2.png: sharpness is a ratio to the \
         target's, and this target has none"
    );
    let table = evaluation.to_string();
    assert!(table.contains("MS-SSIM            not defined"), "{table}");
    assert!(!table.contains("copying the input"), "{table}");
}

#[test]
fn pictures_of_two_sizes_are_refused_by_name() {
    let mut examples = examples();
    examples[1].target = picture(15, |_, _| 90);
    let error = Scorer::new(false, None, None).add(&examples).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("1.png: MAE compares pictures of one size"),
        "{error}"
    );
}

#[test]
fn files_hold_every_number() {
    let mut examples = examples();
    examples[3].name = "a, \"b\".png".to_owned();
    let evaluation = evaluate(Scorer::new(true, None, None), &examples);
    let csv = evaluation.csv();
    let lines: Vec<&str> = csv.lines().collect();
    let head = "name,width,height,mae,rmse,psnr,ssim,ssim-gaussian,ms-ssim,sharpness,\
                highest-frequency,copy_mae,";
    assert!(lines[0].starts_with(head), "{csv}");
    assert!(
        lines[1].starts_with("0.png,16,16,0,0,inf,1,1,,1,1,5,"),
        "{csv}"
    );
    assert!(
        lines[4].starts_with("\"a, \"\"b\"\".png\",16,16,30,30,"),
        "{csv}"
    );
    let json = evaluation.json();
    assert_eq!(json["images"][0]["output"]["psnr"], "Infinity");
    assert_eq!(
        json["images"][0]["output"]["ms-ssim"],
        serde_json::Value::Null
    );
    assert_eq!(json["images"][1]["output"]["mae"], 10.0);
    assert_eq!(json["summary"]["mae"]["copy"]["mean"], 5.0);
    assert_eq!(json["summary"]["psnr"]["output"]["mean"], "Infinity");
    assert_eq!(json["metrics"][6]["better"], "near-one");
    let low = json["summary"]["mae"]["output"]["low"].as_f64();
    assert!(low.is_some_and(|low| low < 15.0));
    // One image has no interval.
    let one = evaluate(Scorer::new(true, None, None), &examples[1..2]).json();
    let mae = &one["summary"]["mae"]["output"];
    assert_eq!((&mae["mean"], &mae["images"]), (&10.0.into(), &1.into()));
    assert!(mae["low"].is_null() && mae["high"].is_null());
}

#[test]
fn each_pixel_counts_as_the_label_of_the_nearest_colour() {
    let (palette, _) = Palette::parse_lines("#000000\n#ffffff paper\n#ff0000\n").unwrap();
    let example = Example {
        name: "a".to_owned(),
        input: picture(16, |_, _| 0),
        // The left half is nearly black, the right one nearly white.
        output: picture(16, |x, _| if x < 8 { 40 } else { 210 }),
        // A quarter is white.
        target: picture(16, |x, _| if x < 12 { 0 } else { 255 }),
    };
    let evaluation = evaluate(Scorer::new(true, None, Some(palette)), &[example]);
    let labels = evaluation.labels.as_ref().unwrap();
    // 8 of 12 columns of black, all of white; the red label is nowhere.
    let [accuracy, iou] = [8.0 / 12.0 + 1.0, 8.0 / 12.0 + 4.0 / 8.0].map(|sum| sum / 2.0);
    let output = [0.75, accuracy, iou].map(Some);
    assert_eq!(labels.of(Subject::Output), output);
    // The black input is right where the target is black.
    let copy = [0.75, 0.5, 0.375].map(Some);
    assert_eq!(labels.of(Subject::Copy), copy);
    assert_eq!(labels.of(Subject::MeanTarget), [None; 3]);
    let json = labels.json();
    assert_eq!(
        json["labels"][0]["painted_as"],
        serde_json::json!([128, 64, 0])
    );
    assert_eq!(json["labels"][2]["iou"], serde_json::Value::Null);
    let names = [0, 1].map(|label| &json["labels"][label]["name"]);
    assert!(names[0].is_null() && names[1] == "paper", "{json}");
    assert_eq!(
        (&json["class_iou"], &json["copy"]["class_iou"]),
        (&iou.into(), &0.375.into())
    );
    assert!(json["mean_target"].is_null());
    // A cell for each pair of labels, with a head of colours.
    let confusion = labels.picture();
    assert_eq!(confusion.dimensions(), (96, 96));
    let at = |x, y| confusion.pixel(x, y).collect::<Vec<u16>>();
    assert_eq!((at(80, 0), at(0, 80)), (vec![255, 0, 0], vec![255, 0, 0]));
    assert!(at(30, 30)[0] < at(60, 30)[0] && at(80, 30) == [255; 3]);
    assert!(evaluation.to_string().contains("pixel accuracy     0.7500"));
}

#[test]
fn only_an_evaluation_is_replaced() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("runs/demo/eval");
    let create = |replace| EvaluationFolder::create(&path, replace, "the option");
    let fill = |mut folder: EvaluationFolder, examples: &[Example]| {
        examples
            .iter()
            .for_each(|example| folder.push(example).unwrap());
        let evaluation = evaluate(Scorer::new(false, None, None), examples);
        folder.finish(&evaluation).unwrap()
    };
    let page = fill(create(false).unwrap(), &examples());
    assert_eq!(page, path.join("index.html"));
    let images = || std::fs::read_dir(path.join("images")).unwrap().count();
    assert_eq!(images(), 16);
    let text = std::fs::read_to_string(&page).unwrap();
    assert!(
        text.contains("\"name\":\"3.png\"") && !text.contains("http"),
        "asks for nothing"
    );

    let error = create(false).unwrap_err().to_string();
    assert!(
        error.ends_with("holds an evaluation already; write over it with the option"),
        "{error}"
    );
    // One that is not finished leaves nothing.
    drop(create(true).unwrap());
    assert_eq!(images(), 16);
    fill(create(true).unwrap(), &examples()[..1]);
    assert_eq!(images(), 4);
    assert_eq!(
        std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
        1
    );

    other_files_are_refused(&path, &|| create(true).unwrap_err().to_string());
}

/// Wherever a file lies that no evaluation wrote, `error` tells of it.
fn other_files_are_refused(path: &std::path::Path, error: &dyn Fn() -> String) {
    for name in [
        "mine.txt",
        "images/notes.txt",
        "images/00000-mine.png",
        "images/1-input.png",
    ] {
        std::fs::write(path.join(name), "precious").unwrap();
        let error = error();
        let words = format!("other files than those of an evaluation, for example {name}; ");
        assert!(error.contains(&words), "{error}");
        std::fs::remove_file(path.join(name)).unwrap();
    }
    std::fs::create_dir(path.join("images/00001-input.png")).unwrap();
    assert!(error().contains("images/00001-input.png"));
    std::fs::remove_dir(path.join("images/00001-input.png")).unwrap();
    // A page with pictures is no evaluation if it has no scores.
    std::fs::remove_file(path.join("scores.json")).unwrap();
    assert!(error().contains("for example images"), "{}", error());
}
