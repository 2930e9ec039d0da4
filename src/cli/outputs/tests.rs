//! Which results are planned, refused and left.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;

#[test]
fn what_was_not_there_at_first_stays_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, force: bool| {
        let path = folder.path().join(name);
        let existing = ExistingArgs { force, skip: false };
        let args = OutputArgs {
            out: folder.path().to_owned(),
            existing,
        };
        let input = Input {
            files: vec!["in/a.png".into()],
            name: "a".into(),
        };
        let plan = args.plan(
            vec![input],
            Some(&path),
            &[String::new()],
            Format::Png,
            &ReadOptions::default(),
        );
        let output = plan.unwrap().jobs.remove(0).outputs.remove(0);
        std::fs::write(&path, "theirs").unwrap();
        let written = output.create().unwrap().unwrap().fill(|_| Ok(()));
        (written, std::fs::read_to_string(&path).unwrap())
    };
    let (written, content) = write("a.png", false);
    assert!(matches!(written, Err(RunError::Appeared { .. })));
    assert_eq!(content, "theirs");
    let (written, content) = write("b.png", true);
    assert!(written.is_ok() && content.is_empty());
}

#[test]
fn a_folder_that_cannot_be_is_wrong_use() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    std::fs::write(root.join("plain"), "mine").unwrap();
    let refused = |out: &Path| match single_file(out, &[PathBuf::from("a.png")]) {
        Err(CliError::Usage(text)) => text,
        other => format!("{other:?}"),
    };
    for out in ["plain", "plain/below/it", "plain/a.png"] {
        let text = refused(&root.join(out));
        let words = format!(
            "need a folder, and {} is none",
            root.join("plain").display()
        );
        assert!(
            text.contains(&words) && text.ends_with("; choose another --out"),
            "{text}"
        );
    }
    for out in ["new", "new/below/it", "new/a.png", "a.png", "."] {
        assert!(single_file(&root.join(out), &[PathBuf::from("b.png")]).is_ok());
    }
    assert!(single_file(Path::new("no-such-folder-here/below"), &[]).is_ok());
    assert_eq!(
        std::fs::read_dir(root).unwrap().count(),
        1,
        "nothing is made"
    );
    #[cfg(target_os = "linux")]
    {
        let text = refused(Path::new("/proc/results"));
        assert!(
            text.contains("can be written in the folder /proc: "),
            "{text}"
        );
    }
}

fn plan(out: &Path, names: &[&str], skip: bool) -> Result<Vec<PathBuf>, CliError> {
    let input = |name: &&str| Input {
        files: vec![out.join(name)],
        name: Path::new(name).with_extension(""),
    };
    let inputs = names.iter().map(input).collect();
    let existing = ExistingArgs { force: false, skip };
    let args = OutputArgs {
        out: out.to_owned(),
        existing,
    };
    let plan = args.plan(
        inputs,
        None,
        &[String::new()],
        Format::Png,
        &ReadOptions::default(),
    )?;
    assert!(plan.failures.is_empty(), "{:?}", plan.failures);
    let files = plan.jobs.into_iter().flat_map(|job| job.input.files);
    Ok(files.collect())
}

/// A batch that was stopped goes on where results lie among the inputs.
#[test]
fn results_among_the_inputs_stay() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let names = ["a.jpg", "a.png", "b.jpg", "c.png"];
    for name in names {
        std::fs::write(root.join(name), "whole").unwrap();
    }
    assert_eq!(plan(root, &names, true).unwrap(), [root.join("b.jpg")]);
    let text = plan(root, &["c.png"], false).unwrap_err().to_string();
    assert!(text.contains("would be written over"), "{text}");
}

/// Something else has ended before it wrote a file.
#[test]
fn an_empty_result_is_made_again_where_others_stay() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let (empty, whole) = (root.join("a.png"), root.join("b.png"));
    std::fs::write(&empty, "").unwrap();
    std::fs::write(&whole, "whole").unwrap();
    let existing = |skip| ExistingArgs { force: false, skip };
    assert!(existing(true).keeps(&whole) && !existing(true).keeps(&empty));
    let written = |path: &Path, skip| {
        let file = existing(skip).create(path).unwrap();
        let done = file.fill(|out| std::io::Write::write_all(out, b"new"));
        (done.is_ok(), std::fs::read_to_string(path).unwrap())
    };
    assert_eq!(written(&whole, true), (false, "whole".to_owned()));
    assert_eq!(written(&empty, false), (false, String::new()));
    assert_eq!(written(&empty, true), (true, "new".to_owned()));
}

/// Two images of one name clash over their result only if there can be two results.
#[test]
fn an_image_that_cannot_be_read_takes_no_name() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for name in ["b.png", "c.jpg", "c.png", "d.bmp"] {
        image::RgbImage::new(2, 2).save(root.join(name)).unwrap();
    }
    for name in ["a.bmp", "a.jpg", "b.jpg", "d.jpg", "d.png"] {
        std::fs::write(root.join(name), "torn").unwrap();
    }
    let names = [
        "a.bmp", "a.jpg", "b.jpg", "b.png", "c.jpg", "c.png", "d.bmp", "d.jpg", "d.png",
    ];
    let input = |name: &str| Input {
        files: vec![root.join(name)],
        name: Path::new(name).with_extension(""),
    };
    let args = OutputArgs {
        out: root.join("out"),
        existing: ExistingArgs {
            force: false,
            skip: false,
        },
    };
    let (variants, reading) = ([String::new()], ReadOptions::default());
    let inputs = names.map(input).into();
    let plan = args.plan(inputs, None, &variants, Format::Png, &reading);
    let plan = plan.unwrap();
    let told = plan.failures.iter().map(|failure| match failure {
        CliError::Clash { first, second, .. } => vec![first, second],
        CliError::Data(DataError::NotAnImage { path, .. }) => vec![path],
        other => panic!("{other}"),
    });
    let told: Vec<Vec<&PathBuf>> = told.collect();
    let [a, b, c, other_c, d, other_d] =
        ["a.jpg", "b.jpg", "c.jpg", "c.png", "d.jpg", "d.png"].map(|name| root.join(name));
    assert_eq!(
        told,
        [
            vec![&a],
            vec![&b],
            vec![&c, &other_c],
            vec![&d],
            vec![&other_d]
        ]
    );
    let jobs = plan.jobs.iter().map(|job| job.input.first().to_owned());
    let kept = ["a.bmp", "b.png", "c.jpg", "d.bmp"].map(|name| root.join(name));
    assert_eq!(jobs.collect::<Vec<_>>(), kept);
}
