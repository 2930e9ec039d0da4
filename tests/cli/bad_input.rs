//! Whatever is wrong is named in one line, before anything begins, and nothing on the disk is lost.

use crate::{
    BINARY, TINY, copy_folder, dataset, fail, fail_cleanly, finished, generator, picture, refuse,
    run, snapshot, stderr, temporary,
};
use safetensors::SafeTensors;
use std::fs;
use std::process::Command;

#[test]
fn a_command_line_without_sense_exits_with_2() {
    let folder = temporary();
    // These lines are clap's, which adds the usage below its error.
    for line in [
        "trian",
        "train --steps 0",
        "train --batch-size 0",
        "train --steps 1 --epochs 1",
        "train --sample-every 0",
        "train --checkpoint-every 0",
        "translate a.png --model m --out o --samples 65537",
        "translate",
    ] {
        let output = run(folder.path(), line);
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert!(
            stderr(&output).starts_with("error: ") && output.stdout.is_empty(),
            "{line}"
        );
    }
    for size in ["0", "1", "100", "257"] {
        let message = fail_cleanly(folder.path(), 2, &format!("train --size {size}"));
        assert!(
            message.contains(&format!("--size {size}")) && message.contains("32"),
            "{message}"
        );
    }
    let message = fail_cleanly(folder.path(), 2, "train --load-size 16385");
    assert!(
        message.contains("--load-size 16385 must lie between 64 and 16384"),
        "{message}"
    );
    for line in [
        "train --ngf 0",
        "train --ndf 0",
        "train --lr NaN",
        "train --lambda-l1 inf",
        "inspect --size 33",
        "inspect --depth 1",
        "train --size 4294967264",
        "inspect --size 4294967295",
        "inspect --ngf 4294967296",
        "inspect --batch-size 4294967295",
        "bench step --steps 0",
        "bench step --per-op 1001",
    ] {
        fail_cleanly(folder.path(), 2, line);
    }
    assert!(
        snapshot(folder.path()).is_empty(),
        "{:?}",
        snapshot(folder.path()).keys()
    );
}

#[test]
fn bad_data_sets_are_named_and_leave_no_run() {
    let folder = temporary();
    let root = folder.path();
    let path = |name: &str| root.join(name);
    fs::create_dir_all(path("empty")).unwrap();
    dataset(&path("odd"), 2);
    picture(&path("odd/train/wrong.png"), 81, 40);
    dataset(&path("text"), 1);
    fs::write(path("text/train/not.png"), "no picture").unwrap();
    dataset(&path("zero"), 1);
    fs::write(path("zero/train/zero.png"), "").unwrap();
    dataset(&path("torn"), 1);
    let whole = fs::read(path("torn/train/0.png")).unwrap();
    fs::write(path("torn/train/torn.png"), &whole[..whole.len() / 2]).unwrap();
    picture(&path("half/train/A/one.png"), 40, 40);
    picture(&path("alone/train/A/one.png"), 40, 40);
    picture(&path("alone/train/A/two.png"), 40, 40);
    picture(&path("alone/train/B/one.png"), 40, 40);
    fs::write(path("file.png"), &whole).unwrap();
    dataset(&path("few"), 2);
    for (name, named) in [
        ("missing", "missing"),
        ("empty", "empty"),
        ("odd", "odd/train/wrong.png"),
        ("text", "text/train/not.png"),
        ("zero", "zero/train/zero.png"),
        ("torn", "torn/train/torn.png"),
        ("half", "half/train/B"),
        ("alone", "alone/train/A/two.png"),
        ("file.png", "file.png"),
    ] {
        let message = fail_cleanly(root, 1, &format!("train {name} --steps 1 {TINY}"));
        assert!(message.contains(named), "{name}: {message}");
    }
    let line = format!("train zero --steps 1 --max-pixels 3199 {TINY}");
    let text = stderr(&run(root, &line));
    assert!(
        text.contains("zero/train/0.png: is too large (80x40 pixels)")
            && text.contains("read it with --max-pixels 3200"),
        "{text}"
    );
    fs::write(path("torn/train/zero.png"), "").unwrap();
    let output = run(root, &format!("train torn --steps 1 {TINY}"));
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text.starts_with("error: 2 files")
            && text.contains("torn/train/torn.png")
            && text.contains("torn/train/zero.png"),
        "{text}"
    );
    let message = fail_cleanly(
        root,
        1,
        &format!("train few --steps 1 --batch-size 3 {TINY}"),
    );
    assert!(message.contains("--batch-size"), "{message}");
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_read_is_named() {
    let folder = temporary();
    // A link to itself cannot be read by anyone, root included.
    std::os::unix::fs::symlink("knot", folder.path().join("knot")).unwrap();
    let translate = format!("translate knot --model '{}' --out out", generator());
    refuse(
        folder.path(),
        1,
        &[("train knot --steps 1", "knot"), (&translate, "knot")],
    );
}

#[test]
fn a_run_that_exists_and_a_root_that_is_a_file_stay_as_they_are() {
    let folder = temporary();
    copy_folder(finished(), folder.path());
    let start =
        |extra: &str| fail_cleanly(folder.path(), 1, &format!("train --steps 1 {extra} {TINY}"));
    let message = start("--name t");
    assert!(
        message.contains("runs/t") && message.contains("--resume"),
        "{message}"
    );
    fs::write(folder.path().join("file"), "mine").unwrap();
    assert!(start("--runs file").contains("file"));
    for name in ["''", "..", "a/b"] {
        assert!(start(&format!("--name {name}")).contains("--name"));
    }
    let message = fail_cleanly(folder.path(), 1, "train --resume nobody");
    assert!(message.contains("nobody"), "{message}");
    let message = fail_cleanly(
        folder.path(),
        2,
        "train --resume runs/t/checkpoints/step-000004.safetensors",
    );
    assert!(message.contains("use --resume runs/t,"), "{message}");

    // What a killed process left: either way there is a remedy that does not lead to the other.
    fs::create_dir_all(folder.path().join("runs/killed/checkpoints")).unwrap();
    fs::create_dir_all(folder.path().join("runs/killed/samples")).unwrap();
    for message in [
        start("--name killed"),
        fail_cleanly(folder.path(), 1, "train --resume killed"),
    ] {
        assert!(
            message.contains("runs/killed")
                && !message.contains("remove")
                && !message.contains("with --resume"),
            "{message}"
        );
    }
}

#[test]
fn a_folder_without_the_network_is_named_with_what_would_do() {
    let folder = temporary();
    let root = folder.path();
    copy_folder(finished(), root);
    picture(&root.join("a.png"), 32, 32);
    for line in [
        "translate a.png --model runs --out out",
        "convert runs out.pth",
        "train --pretrained runs",
    ] {
        let message = fail_cleanly(root, 1, line);
        assert!(
            message.contains("say runs/t, or a file") && message.contains("generator.safetensors"),
            "{line}: {message}"
        );
    }
    let damaged = root.join("damaged.safetensors");
    fs::write(&damaged, "no weights").unwrap();
    let message = fail_cleanly(
        root,
        1,
        &format!("train --steps 1 {TINY} --pretrained damaged.safetensors"),
    );
    assert!(
        message.contains("damaged.safetensors")
            && !message.contains("--ngf")
            && !message.contains("--resume"),
        "{message}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_path_that_no_json_holds_is_refused() {
    use std::os::unix::ffi::OsStrExt;
    let folder = temporary();
    let name = std::ffi::OsStr::from_bytes(b"photos-\xff");
    fs::create_dir(folder.path().join(name)).unwrap();
    let output = Command::new(BINARY)
        .arg("train")
        .arg(name)
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("photos-") && stderr(&output).contains("rename"),
        "{}",
        stderr(&output)
    );
    assert!(!folder.path().join("runs").exists());
}

#[test]
fn what_the_device_cannot_do_is_refused_before_a_run_begins() {
    let folder = temporary();
    // One pair: all of them are brought to the size before the device refuses it.
    dataset(&folder.path().join("pair"), 1);
    let start =
        |extra: &str| fail_cleanly(folder.path(), 1, &format!("train pair --steps 1 {extra}"));
    let message = start("--adapter 'no such device'");
    assert!(
        message.contains("no such device") && message.contains("pix2pix adapters"),
        "{message}"
    );
    assert!(start("--adapter 99").contains("99"));
    assert!(start("--size 32 --ngf 8192").contains("--ngf"));
    let message = start("--size 4096 --ngf 64");
    assert!(message.contains("--size"), "{message}");
    // The size that is named does fit.
    let size = message
        .split("what fits here: --size ")
        .nth(1)
        .and_then(|rest| rest.split_whitespace().next())
        .unwrap()
        .to_owned();
    assert!(
        run(folder.path(), &format!("inspect --size {size} --ngf 64"))
            .status
            .success(),
        "{message}"
    );
    let message = fail_cleanly(folder.path(), 1, "inspect --size 1024 --batch-size 400");
    assert!(
        message.contains("--batch-size") && message.contains("[400, 1024, 1024, 3]"),
        "{message}"
    );
}

#[test]
fn bad_weight_files_are_named_and_write_nothing() {
    let folder = temporary();
    let root = folder.path();
    picture(&root.join("in.png"), 33, 47);
    let good = fs::read(generator()).unwrap();
    fs::write(root.join("torn.safetensors"), &good[..good.len() / 2]).unwrap();
    fs::write(root.join("text.safetensors"), "not weights at all").unwrap();
    fs::write(root.join("zero.safetensors"), "").unwrap();
    let header = SafeTensors::read_metadata(&good).unwrap().0 + 8;
    let mut poisoned = good.clone();
    poisoned[header..]
        .chunks_exact_mut(4)
        .for_each(|word| word.copy_from_slice(&f32::NAN.to_le_bytes()));
    fs::write(root.join("nan.safetensors"), &poisoned).unwrap();
    let mut other = good.clone();
    // The same length, so that the header stays valid JSON: another network's key.
    let key = b"model.model.0.weight";
    let at = other
        .windows(key.len())
        .position(|window| window == key)
        .unwrap();
    other[at..at + key.len()].copy_from_slice(b"model.model.9.weight");
    fs::write(root.join("other.safetensors"), &other).unwrap();
    let discriminator = finished().join("runs/t/discriminator.safetensors");
    fs::copy(discriminator, root.join("discriminator.safetensors")).unwrap();
    let names = [
        "missing",
        "torn",
        "text",
        "zero",
        "nan",
        "other",
        "discriminator",
    ];
    for name in names {
        let file = format!("{name}.safetensors");
        let message = fail_cleanly(
            root,
            1,
            &format!("translate in.png --model {file} --out out"),
        );
        assert!(message.contains(&file), "{name}: {message}");
    }
}

#[test]
fn a_damaged_checkpoint_is_named_and_kept() {
    let newest = "runs/t/checkpoints/step-000004.safetensors";
    let good = fs::read(finished().join(newest)).unwrap();
    let header = SafeTensors::read_metadata(&good).unwrap().0 + 8;
    let mut poisoned = good.clone();
    poisoned[header..]
        .chunks_exact_mut(4)
        .for_each(|word| word.copy_from_slice(&f32::NAN.to_le_bytes()));
    for damaged in [&good[..good.len() - 1], &good[..100], b"", &poisoned] {
        let folder = temporary();
        copy_folder(finished(), folder.path());
        fs::write(folder.path().join(newest), damaged).unwrap();
        let message = fail_cleanly(folder.path(), 1, "train --resume t");
        assert!(message.contains("step-000004.safetensors"), "{message}");
    }
}

#[test]
fn bad_images_and_outputs_of_translate_are_named() {
    let folder = temporary();
    let root = folder.path();
    picture(&root.join("good.png"), 33, 47);
    picture(&root.join("two/good.jpg"), 33, 47);
    fs::write(root.join("bad.png"), "no picture").unwrap();
    fs::write(root.join("file"), "mine").unwrap();
    fs::create_dir(root.join("empty")).unwrap();
    let model = generator();
    let translate = |inputs: &str, out: &str| {
        fail_cleanly(
            root,
            1,
            &format!("translate {inputs} --model '{model}' --out {out}"),
        )
    };
    assert!(translate("gone.png", "out").contains("gone.png"));
    assert!(translate("empty", "out").contains("empty"));
    for out in ["file", "file/below"] {
        let line = format!("translate good.png --model '{model}' --out {out}");
        let message = fail_cleanly(root, 2, &line);
        assert!(
            message.contains("and file is none; choose another --out"),
            "{message}"
        );
    }
    let over = translate("good.png", ".");
    assert_eq!(
        over,
        "error: good.png would be written over; choose another --out\n"
    );
    let line = format!("translate good.png --model '{model}' --out out --max-pixels 1550");
    let message = fail(root, 1, &line);
    assert!(
        message.contains("the limit is --max-pixels 1550: shrink it"),
        "{message}"
    );
    let message = fail(
        root,
        1,
        "prepare grayscale good.png --out gray --max-pixels 1550",
    );
    assert!(message.contains("--max-pixels 1551"), "{message}");
    let message = fail(
        root,
        1,
        &format!("translate bad.png --model '{model}' --out out"),
    );
    assert!(message.contains("bad.png"), "{message}");
}

#[cfg(unix)]
#[test]
fn a_file_that_finds_no_room_leaves_the_checkpoint_before_it() {
    let folder = temporary();
    copy_folder(finished(), folder.path());
    let checkpoint = folder
        .path()
        .join("runs/t/checkpoints/step-000004.safetensors");
    let before = fs::read(&checkpoint).unwrap();
    // A limit on the size of files stands in for a full disk: the next checkpoint does not fit.
    let script = format!("trap '' XFSZ; ulimit -f 100; exec {BINARY} train --resume t");
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let last = stderr(&output)
        .lines()
        .last()
        .unwrap_or_default()
        .to_owned();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(
        last.starts_with("error: ") && last.contains("step-000004.safetensors"),
        "{last}"
    );
    assert_eq!(fs::read(&checkpoint).unwrap(), before);
    assert!(
        !snapshot(folder.path())
            .keys()
            .any(|path| path.extension().is_some_and(|end| end == "tmp")),
        "no half-written file stays"
    );
}
