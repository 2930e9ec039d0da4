#![allow(clippy::unwrap_used)]

use super::*;
use image::Rgb;

/// Two folders with pictures of the same names: `real`, grey, and `fake`, red; each of its own
/// shade. One picture of each has no partner.
fn folders(root: &Path, pairs: u8) -> [PathBuf; 2] {
    ["real", "fake"].map(|kind| {
        let folder = root.join(kind);
        fs::create_dir_all(&folder).unwrap();
        for number in 0..pairs {
            let colour = match kind {
                "real" => Rgb([number; 3]),
                _ => Rgb([255, 0, number]),
            };
            let ending = if kind == "real" { "png" } else { "bmp" };
            let path = folder.join(format!("{number:02}.{ending}"));
            RgbImage::from_pixel(8, 8, colour).save(path).unwrap();
        }
        let alone = folder.join(format!("only-{kind}.png"));
        RgbImage::from_pixel(8, 8, Rgb([1; 3])).save(alone).unwrap();
        folder
    })
}

fn plan(practice: usize, trials: usize) -> StudyPlan {
    StudyPlan {
        practice,
        trials,
        same_input: false,
        seed: 3,
    }
}

#[test]
fn the_page_holds_all_pictures_and_asks_for_nothing() {
    let place = tempfile::tempdir().unwrap();
    let [real, fake] = folders(place.path(), 12);
    fs::write(fake.join("notes.txt"), "no picture").unwrap();
    let (pairs, notes) = StudyPairs::of_folders(&real, &fake).unwrap();
    assert_eq!(pairs.len(), 12);
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes[0].contains("notes.txt"), "{notes:?}");
    let alone = "12 pairs; pictures without a partner of the same name: 2";
    assert_eq!(notes[1], alone);
    let page = Study::new(&pairs, plan(2, 4), 1000).unwrap().page();
    assert_eq!(page.matches("data:image/png;base64,").count(), 12);
    assert!(!page.contains("http") && !page.contains("\"DATA\""));
    let start = page.find("const study = ").unwrap() + "const study = ".len();
    let end = start + page[start..].find(";\n").unwrap();
    let data: Value = serde_json::from_str(&page[start..end]).unwrap();
    // The page says what it is, and another one says something else.
    let other = Study::new(&pairs, plan(2, 4), 999).unwrap().page();
    let own = data["page"].as_str().unwrap();
    assert!(own.len() == 16 && !other.contains(own));
    assert_eq!(data["same_input"], false);
    let trials = data["trials"].as_array().unwrap();
    let practice = trials.iter().filter(|trial| trial["practice"] == true);
    assert_eq!((trials.len(), practice.count()), (6, 2));
    assert_eq!(
        (&data["seed"], &data["milliseconds"]),
        (&3.into(), &1000.into())
    );
    // Real files are PNG and generated ones BMP; the page holds both alike.
    let [first, second] = [0, 1].map(|side| trials[0]["pictures"][side].as_str().unwrap().len());
    assert!(first.abs_diff(second) < 40, "{first} and {second}");
}

#[test]
fn pictures_of_two_sizes_and_folders_without_pairs_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let [real, fake] = folders(place.path(), 3);
    for number in 0..3 {
        let path = fake.join(format!("{number:02}.bmp"));
        RgbImage::new(8, 9).save(path).unwrap();
    }
    let (pairs, _) = StudyPairs::of_folders(&real, &fake).unwrap();
    let error = Study::new(&pairs, plan(0, 1), 1000)
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("the real 00 has 8×8 pixels, and the generated 02 beside it 8×9; "),
        "{error}"
    );
    let same_input = StudyPlan {
        same_input: true,
        ..plan(0, 1)
    };
    let error = Study::new(&pairs, same_input, 1000).unwrap_err();
    assert!(error.to_string().ends_with("; study pictures of one size"));
    let other = place.path().join("other");
    fs::create_dir(&other).unwrap();
    let empty = StudyPairs::of_folders(&real, &other)
        .unwrap_err()
        .to_string();
    assert!(empty.contains("other"), "{empty}");
    fs::copy(real.join("00.png"), other.join("another.png")).unwrap();
    let error = StudyPairs::of_folders(&real, &other)
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("no picture in "), "{error}");
    fs::copy(real.join("00.png"), real.join("00.jpg")).unwrap();
    let error = StudyPairs::of_folders(&real, &fake)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("00.jpg and ") && error.contains("00.png have one name"),
        "{error}"
    );
    let error = StudyPairs::of_evaluation(&real).unwrap_err().to_string();
    assert!(
        error.contains("holds no evaluation (scores.json"),
        "{error}"
    );
}

#[test]
fn results_of_two_experiments_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let first = saved(place.path(), "first.json", "m", 1);
    let with = |change: &dyn Fn(&mut Value)| {
        let other = saved(place.path(), "other.json", "m", 2);
        let mut text: Value = serde_json::from_str(&fs::read_to_string(&other).unwrap()).unwrap();
        change(&mut text);
        fs::write(&other, text.to_string()).unwrap();
        Results::read(&[first.clone(), other])
    };
    let error = |change: &dyn Fn(&mut Value)| with(change).unwrap_err().to_string();
    let text = error(&|file| file["milliseconds"] = 100.into());
    let words = "other.json has 1 + 4 trials of 100 ms with pictures of different inputs, and ";
    assert!(
        text.contains(words) && text.contains("two experiments"),
        "{text}"
    );
    let text = error(&|file| {
        let trials = file["trials"].as_array_mut().unwrap();
        trials
            .iter_mut()
            .for_each(|trial| trial["fake"] = "a".into());
    });
    assert!(
        text.contains("of 1000 ms with pictures of the same input"),
        "{text}"
    );
    let text = error(&|file| drop(file["trials"].as_array_mut().unwrap().pop()));
    assert!(text.contains("has 1 + 3 trials"), "{text}");
    // One seed draws one page, unless the pictures are others.
    let text = error(&|file| file["page"] = "another".into());
    assert!(text.contains("two pages with the seed 0"), "{text}");
    let text = error(&|file| file["trials"][1]["real"] = "c".into());
    assert!(text.contains("two pages with the seed 0"), "{text}");
    // Pages of several seeds are one experiment, and a file of an earlier version is read.
    let both = with(&|file| {
        file["seed"] = 7.into();
        file["page"] = "another".into();
        file["trials"][1]["real"] = "c".into();
    });
    let notes = both.unwrap().notes();
    assert_eq!(notes[0], "the answers are of 2 pages, with the seeds 0, 7");
    assert!(notes[1].starts_with("2 participants are few"), "{notes:?}");
    let old = with(&|file| drop(file.as_object_mut().unwrap().remove("page")));
    assert_eq!(old.unwrap().notes().len(), 1);
}

/// A file of answers: of 4 trials that count, the generated picture was taken for real in `taken`.
fn saved(folder: &Path, name: &str, model: &str, taken: usize) -> PathBuf {
    let trial = |number: usize| {
        let answer = if number <= taken { "left" } else { "right" };
        serde_json::json!({ "practice": number == 0, "real": "a", "fake": "b",
            "fake_side": "right", "answer": answer, "reaction": 100 * number + taken })
    };
    let trials: Vec<Value> = (0..5).map(trial).collect();
    let text = serde_json::json!({ "pix2pix_study": 1, "model": model, "seed": 0,
        "milliseconds": 1000, "page": "one", "trials": trials });
    let path = folder.join(name);
    fs::write(&path, text.to_string()).unwrap();
    path
}

#[test]
fn results_of_several_participants_are_put_together() {
    let place = tempfile::tempdir().unwrap();
    let file = |name, taken| saved(place.path(), name, "m", taken);
    let files = [file("a.json", 1), file("b.json", 2), file("c.json", 3)];
    let one = Results::read(&files[..1]).unwrap();
    let (share, low, high) = one.mean().unwrap();
    let wilson = crate::metrics::Share {
        count: 1,
        trials: 4,
    }
    .interval()
    .unwrap();
    assert_eq!((share, (low, high)), (0.25, wilson));
    assert!(
        one.to_string()
            .contains("in 25.0 % (4.6..69.9) of 4 trials; 1 participant"),
        "{one}"
    );
    let all = Results::read(&files).unwrap();
    let (share, low, high) = all.mean().unwrap();
    assert_eq!((share, low, high), (0.5, 0.25, 0.75));
    let text = all.to_string();
    assert!(text.contains("b.json: 2 of 4, 50.0 %\n"), "{text}");
    assert!(
        text.contains("of 12 trials; 3 participants, bootstrap over the participants"),
        "{text}"
    );

    let twice = [files[0].clone(), file("again.json", 1)];
    let error = Results::read(&twice).unwrap_err().to_string();
    assert!(error.contains("holds the same answers as"), "{error}");
    let other = [files[0].clone(), saved(place.path(), "o.json", "other", 1)];
    let error = Results::read(&other).unwrap_err().to_string();
    assert!(error.contains("o.json is of other, and "), "{error}");
    fs::write(place.path().join("text.json"), "{}").unwrap();
    let error = Results::read(&[place.path().join("text.json")])
        .unwrap_err()
        .to_string();
    assert!(error.contains("is no result of a study"), "{error}");
}
