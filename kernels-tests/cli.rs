//! The command line from outside: the built program in folders of its own, on whatever adapter `PIX2PIX_ADAPTER` names.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use image::{Rgb, RgbImage};
use safetensors::SafeTensors;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_pix2pix");
const COMMANDS: [&[&str]; 5] = [&["train"], &["translate"], &["inspect"], &["adapters"], &["bench", "step"]];
/// The smallest networks that exist.
const TINY: [&str; 4] = ["--size", "32", "--ngf", "2"];

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(arguments).current_dir(folder).env_remove("RUST_BACKTRACE").stdin(Stdio::null());
    let computes = ["train", "translate", "inspect", "bench"].contains(&arguments[0]);
    let chooses = arguments.iter().any(|argument| ["--adapter", "--help"].contains(argument));
    if let (Ok(adapter), true, false) = (std::env::var("PIX2PIX_ADAPTER"), computes, chooses) {
        command.args(["--adapter", &adapter]);
    }
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn succeed(folder: &Path, arguments: &[&str]) -> Output {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}: {}", output.status, stderr(&output));
    output
}

/// Runs what must fail with `code` and returns its one line on stderr.
fn fail(folder: &Path, code: i32, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
    assert_eq!(stdout(&output), "", "{arguments:?}: results of a failure");
    assert!(text.starts_with("error: ") && text.ends_with('\n'), "{arguments:?}: {text:?}");
    assert_eq!(text.lines().count(), 1, "{arguments:?}: one line, not {text:?}");
    text
}

/// Every file under `folder` with its content, and every folder.
fn snapshot(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(snapshot(&path));
            found.insert(path, Vec::new());
        } else {
            let content = fs::read(&path).unwrap_or_default();
            found.insert(path, content);
        }
    }
    found
}

/// Fails as [`fail`] does, and leaves everything under `folder` as it was; `runs/` may stay behind, but empty.
fn fail_cleanly(folder: &Path, code: i32, arguments: &[&str]) -> String {
    let before = snapshot(folder);
    let message = fail(folder, code, arguments);
    let mut after = snapshot(folder);
    if !before.contains_key(&folder.join("runs")) {
        after.remove(&folder.join("runs"));
    }
    assert!(before == after, "{arguments:?} changed {:?}", after.keys().filter(|key| before.get(*key) != after.get(*key)).collect::<Vec<_>>());
    message
}

fn temporary() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn picture(path: &Path, width: u32, height: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    RgbImage::from_fn(width, height, |x, y| Rgb([(x * 5) as u8, (y * 7) as u8, 90])).save(path).unwrap();
}

/// A data set of combined pictures.
fn dataset(root: &Path, pairs: usize) {
    (0..pairs).for_each(|i| picture(&root.join(format!("train/{i}.png")), 80, 40));
}

/// A finished run of four steps, made once: `runs/t` in this folder. Tests copy what they change.
fn finished() -> &'static Path {
    static FINISHED: OnceLock<TempDir> = OnceLock::new();
    let made = FINISHED.get_or_init(|| {
        let folder = temporary();
        succeed(folder.path(), &[&["train", "--steps", "4", "--name", "t"], &TINY[..]].concat());
        folder
    });
    made.path()
}

/// The finished run's generator.
fn generator() -> String {
    finished().join("runs/t/generator.safetensors").to_str().unwrap().to_owned()
}

fn copy_folder(from: &Path, to: &Path) {
    for (path, content) in snapshot(from) {
        let target = to.join(path.strip_prefix(from).unwrap());
        if path.is_dir() {
            fs::create_dir_all(target).unwrap();
        } else {
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::write(target, content).unwrap();
        }
    }
}

#[test]
fn every_command_has_help_with_an_example_and_its_defaults() {
    let folder = temporary();
    for arguments in COMMANDS {
        let output = succeed(folder.path(), &[arguments, &["--help"]].concat());
        let text = stdout(&output);
        assert!(text.contains("Example: pix2pix "), "{arguments:?}");
        assert_eq!(stderr(&output), "");
        if arguments != ["adapters"] {
            assert!(text.contains("--adapter") && text.contains("--seed") && text.contains("[default: 0]"), "{arguments:?}: {text}");
        }
    }
    let train = stdout(&succeed(folder.path(), &["train", "--help"]));
    let flags = ["--direction", "--size", "--ngf", "--ndf", "--batch-size", "--epochs", "--steps", "--lambda-l1", "--lr", "--name", "--resume"];
    for flag in flags {
        assert!(train.contains(flag), "{flag}");
    }
    for default in ["AtoB", "100", "0.0002", "200", "256", "64", "16", "2000"] {
        assert!(train.contains(default), "{default}");
    }
    assert!(stdout(&succeed(folder.path(), &["--version"])).starts_with("pix2pix "));
}

#[test]
fn a_command_line_without_sense_exits_with_2() {
    let folder = temporary();
    // These lines are clap's, which adds the usage below its error.
    for arguments in [&["trian"][..], &["train", "--steps", "0"], &["train", "--batch-size", "0"], &["train", "--steps", "1", "--epochs", "1"], &["translate"]] {
        let output = run(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).starts_with("error: ") && output.stdout.is_empty(), "{arguments:?}");
    }
    for size in ["0", "1", "100", "257"] {
        let message = fail_cleanly(folder.path(), 2, &["train", "--size", size]);
        assert!(message.contains(&format!("--size {size}")) && message.contains("32"), "{message}");
    }
    for arguments in [["train", "--ngf", "0"], ["train", "--ndf", "0"], ["train", "--lr", "NaN"], ["train", "--lambda-l1", "inf"], ["inspect", "--size", "33"]] {
        fail_cleanly(folder.path(), 2, &arguments);
    }
    assert!(snapshot(folder.path()).is_empty(), "{:?}", snapshot(folder.path()).keys());
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
    let cases = [
        ("missing", "missing"),
        ("empty", "empty"),
        ("odd", "odd/train/wrong.png"),
        ("text", "text/train/not.png"),
        ("zero", "zero/train/zero.png"),
        ("torn", "torn/train/torn.png"),
        ("half", "half/train/B"),
        ("alone", "alone/train/A/two.png"),
        ("file.png", "file.png"),
    ];
    for (name, named) in cases {
        let message = fail_cleanly(root, 1, &[&["train", name, "--steps", "1"], &TINY[..]].concat());
        assert!(message.contains(named), "{name}: {message}");
    }
    let message = fail_cleanly(root, 1, &[&["train", "few", "--steps", "1", "--batch-size", "3"], &TINY[..]].concat());
    assert!(message.contains("--batch-size"), "{message}");
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_read_is_named() {
    let folder = temporary();
    // A link to itself cannot be read by anyone, root included.
    std::os::unix::fs::symlink("knot", folder.path().join("knot")).unwrap();
    for arguments in [&["train", "knot", "--steps", "1"][..], &["translate", "knot", "--model", &generator(), "--out", "out"]] {
        assert!(fail_cleanly(folder.path(), 1, arguments).contains("knot"));
    }
}

#[test]
fn a_run_that_exists_and_a_root_that_is_a_file_stay_as_they_are() {
    let folder = temporary();
    copy_folder(finished(), folder.path());
    let start = |extra: &[&str]| fail_cleanly(folder.path(), 1, &[&["train", "--steps", "1"], extra, &TINY[..]].concat());
    let message = start(&["--name", "t"]);
    assert!(message.contains("runs/t") && message.contains("--resume"), "{message}");
    fs::write(folder.path().join("file"), "mine").unwrap();
    assert!(start(&["--runs", "file"]).contains("file"));
    for name in ["", "..", "a/b"] {
        assert!(start(&["--name", name]).contains("--name"));
    }
    let message = fail_cleanly(folder.path(), 1, &["train", "--resume", "nobody"]);
    assert!(message.contains("nobody"), "{message}");
}

#[test]
fn what_the_device_cannot_do_is_refused_before_a_run_begins() {
    let folder = temporary();
    let start = |extra: &[&str]| fail_cleanly(folder.path(), 1, &[&["train", "--steps", "1"], extra].concat());
    let message = start(&["--adapter", "no such device"]);
    assert!(message.contains("no such device") && message.contains("pix2pix adapters"), "{message}");
    assert!(start(&["--adapter", "99"]).contains("99"));
    for (arguments, flag) in [
        (&["--size", "4096", "--ngf", "64"][..], "--size"),
        (&["--size", "32", "--ngf", "100000"], "--ngf"),
        (&["--size", "4294967264"], "size"),
    ] {
        let message = start(arguments);
        assert!(message.contains(flag), "{arguments:?}: {message}");
    }
    let message = fail_cleanly(folder.path(), 1, &["inspect", "--size", "1024", "--batch-size", "400"]);
    assert!(message.contains("--batch-size") && message.contains("[400, 1024, 1024, 3]"), "{message}");
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
    poisoned[header..].chunks_exact_mut(4).for_each(|word| word.copy_from_slice(&f32::NAN.to_le_bytes()));
    fs::write(root.join("nan.safetensors"), &poisoned).unwrap();
    let mut other = good.clone();
    // The same length, so that the header stays valid JSON: another network's key.
    let key = b"model.model.0.weight";
    let at = other.windows(key.len()).position(|window| window == key).unwrap();
    other[at..at + key.len()].copy_from_slice(b"model.model.9.weight");
    fs::write(root.join("other.safetensors"), &other).unwrap();
    let discriminator = finished().join("runs/t/discriminator.safetensors");
    fs::copy(discriminator, root.join("discriminator.safetensors")).unwrap();
    let names = ["missing", "torn", "text", "zero", "nan", "other", "discriminator"];
    for name in names {
        let file = format!("{name}.safetensors");
        let message = fail_cleanly(root, 1, &["translate", "in.png", "--model", &file, "--out", "out"]);
        assert!(message.contains(&file), "{name}: {message}");
    }
}

#[test]
fn a_damaged_checkpoint_is_named_and_kept() {
    let newest = "runs/t/checkpoints/step-000004.safetensors";
    let good = fs::read(finished().join(newest)).unwrap();
    let header = SafeTensors::read_metadata(&good).unwrap().0 + 8;
    let mut poisoned = good.clone();
    poisoned[header..].chunks_exact_mut(4).for_each(|word| word.copy_from_slice(&f32::NAN.to_le_bytes()));
    for damaged in [&good[..good.len() - 1], &good[..100], b"", &poisoned] {
        let folder = temporary();
        copy_folder(finished(), folder.path());
        fs::write(folder.path().join(newest), damaged).unwrap();
        let message = fail_cleanly(folder.path(), 1, &["train", "--resume", "t"]);
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
    let translate = |inputs: &[&str], out: &str| fail_cleanly(root, 1, &[&["translate"], inputs, &["--model", &model, "--out", out]].concat());
    assert!(translate(&["gone.png"], "out").contains("gone.png"));
    assert!(translate(&["empty"], "out").contains("empty"));
    assert!(translate(&["good.png"], "file").contains("file"));
    assert!(translate(&["good.png"], "file/below").contains("file"));
    assert!(translate(&["good.png", "two"], "out").contains("good"), "two inputs of one name");
    assert!(translate(&["good.png"], ".").contains("good.png"), "the input is the output");
    let message = fail(root, 1, &["translate", "bad.png", "--model", &model, "--out", "out"]);
    assert!(message.contains("bad.png"), "{message}");
}

#[test]
fn a_good_run_leaves_everything_and_a_finished_one_can_be_resumed() {
    let run_folder = finished().join("runs/t");
    for file in ["config.json", "metrics.csv", "held_out.json", "losses.svg", "index.html", "generator.safetensors", "discriminator.safetensors"] {
        assert!(fs::metadata(run_folder.join(file)).is_ok_and(|metadata| metadata.len() > 0), "{file}");
    }
    for file in ["samples/step-000004.png", "checkpoints/step-000004.safetensors"] {
        assert!(run_folder.join(file).is_file(), "{file}");
    }
    // Eight rows of input, output and target, with or without a gap between them.
    let samples = image::open(run_folder.join("samples/step-000004.png")).unwrap();
    assert!(samples.width() >= 3 * 32 && samples.height() >= 8 * 32, "{}x{}", samples.width(), samples.height());
    let config: serde_json::Value = serde_json::from_slice(&fs::read(run_folder.join("config.json")).unwrap()).unwrap();
    assert_eq!((&config["size"], &config["ngf"], &config["length"]["steps"]), (&32.into(), &2.into(), &4.into()));
    let metrics = fs::read_to_string(run_folder.join("metrics.csv")).unwrap();
    assert_eq!(metrics.lines().count(), 1 + 4, "{metrics}");

    let folder = temporary();
    copy_folder(finished(), folder.path());
    let output = succeed(folder.path(), &["train", "--resume", "t"]);
    let last = stdout(&output).lines().last().unwrap().to_owned();
    let words: Vec<&str> = last.split(' ').collect();
    let ["held-out", "L1", score, "copying", "the", "input", copy, picture] = words[..] else { panic!("{last:?}") };
    let is_score = |text: &str, end: char| text.ends_with(end) && text.len() == 7 && text[..6].parse::<f32>().is_ok_and(|v| v > 0.0);
    assert!(is_score(score, ',') && is_score(copy, ':'), "{last:?}");
    assert!(folder.path().join(picture).is_file(), "{last:?}");
    let kept = |root: &Path| fs::read(root.join("runs/t/generator.safetensors")).unwrap();
    assert!(kept(folder.path()) == kept(finished()), "a finished run has nothing left to learn");
    assert_eq!(fs::read_to_string(folder.path().join("runs/t/metrics.csv")).unwrap().lines().count(), 5);
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_saves_and_goes_on() {
    let folder = temporary();
    let arguments = [&["train", "--steps", "100000", "--name", "long", "--sample-every", "100000"], &TINY[..]].concat();
    let child = command(folder.path(), &arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The first row of the metrics means that training is under way: the handler is in place then. A thousand rows make a run.
    let metrics = folder.path().join("runs/long/metrics.csv");
    for _ in 0..1200 {
        std::thread::sleep(std::time::Duration::from_millis(100));
        if fs::read_to_string(&metrics).is_ok_and(|text| text.lines().count() > 1) {
            break;
        }
    }
    assert!(Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}: {}", output.status, stderr(&output));
    let text = stderr(&output);
    let words: Vec<&str> = text.lines().last().unwrap().split(' ').collect();
    let ["stopped", "and", "saved", "at", "step", step, ..] = words[..] else { panic!("{text}") };
    let step: u64 = step.trim_end_matches(';').parse().unwrap();
    assert!(folder.path().join(format!("runs/long/checkpoints/step-{step:06}.safetensors")).is_file());
    assert!(text.contains("--resume runs/long"), "{text}");

    // As its user would: end it sooner now, by the configuration that the checkpoint carries.
    let again = command(folder.path(), &["train", "--resume", "runs/long"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let rows = fs::read_to_string(&metrics).unwrap().lines().count();
    for _ in 0..1200 {
        std::thread::sleep(std::time::Duration::from_millis(100));
        if fs::read_to_string(&metrics).is_ok_and(|text| text.lines().count() > rows) {
            break;
        }
    }
    assert!(Command::new("sh").args(["-c", &format!("kill -INT {}", again.id())]).status().unwrap().success());
    let output = again.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let steps: Vec<u64> = fs::read_to_string(&metrics).unwrap().lines().skip(1).map(|line| line.split(',').next().unwrap().parse().unwrap()).collect();
    assert!(steps.windows(2).all(|pair| pair[0] < pair[1]), "steps are logged once and in order: {steps:?}");
    assert!(*steps.last().unwrap() > step, "it went on");
}

#[test]
fn translate_keeps_every_size_and_is_the_same_every_time() {
    let folder = temporary();
    let root = folder.path();
    let sizes = [("a.png", 33, 47), ("b.jpg", 32, 32), ("c.png", 1, 1), ("d.png", 70, 31)];
    sizes.iter().for_each(|&(name, width, height)| picture(&root.join("in").join(name), width, height));
    for out in ["one", "two"] {
        let output = succeed(root, &["translate", "in", "--model", &generator(), "--out", out]);
        let expected: Vec<String> = sizes.iter().map(|(name, ..)| format!("{out}/{}.png", &name[..1])).collect();
        assert_eq!(stdout(&output).lines().collect::<Vec<_>>(), expected);
        assert_eq!(stderr(&output), "");
    }
    for (name, width, height) in sizes {
        let read = |out: &str| image::open(root.join(out).join(name).with_extension("png")).unwrap().to_rgb8();
        assert_eq!(read("one").dimensions(), (width, height), "{name}");
        assert_eq!(read("one"), read("two"), "{name}");
    }
    // A run folder and a checkpoint are models as well, and the same one.
    let run_folder = finished().join("runs/t");
    let checkpoint = run_folder.join("checkpoints/step-000004.safetensors");
    for (model, out) in [(run_folder, "three"), (checkpoint, "four")] {
        succeed(root, &["translate", "in/a.png", "--model", model.to_str().unwrap(), "--out", out]);
        assert_eq!(fs::read(root.join(out).join("a.png")).unwrap(), fs::read(root.join("one/a.png")).unwrap());
    }
}

#[test]
fn inspect_and_adapters_print_results_on_stdout() {
    let folder = temporary();
    let output = succeed(folder.path(), &["inspect", "--size", "64", "--ngf", "4"]);
    let text = stdout(&output);
    for part in ["operation", "shape", "MFLOP", "kernel", "generator.down1: conv2d", "generator: adam", "memory plan", "in all"] {
        assert!(text.contains(part), "{part}");
    }
    assert_eq!(stderr(&output), "");
    let output = succeed(folder.path(), &["adapters"]);
    assert_eq!(stdout(&output).lines().filter(|line| line.starts_with("* ")).count(), 1, "{}", stdout(&output));
    assert!(stdout(&output).contains("subgroups") && stderr(&output).lines().count() == 1);
    assert!(snapshot(folder.path()).is_empty());
}

#[cfg(unix)]
#[test]
fn a_reader_that_has_seen_enough_is_no_error_and_a_full_disk_is() {
    let folder = temporary();
    let mut child = command(folder.path(), &["inspect", "--size", "256"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}: {}", output.status, stderr(&output));
    let full = Path::new("/dev/full");
    if full.exists() {
        let file = fs::OpenOptions::new().write(true).open(full).unwrap();
        let output = command(folder.path(), &["adapters"]).stdout(file).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).starts_with("error: cannot write to stdout"), "{}", stderr(&output));
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_finds_no_room_leaves_the_checkpoint_before_it() {
    let folder = temporary();
    copy_folder(finished(), folder.path());
    let checkpoint = folder.path().join("runs/t/checkpoints/step-000004.safetensors");
    let before = fs::read(&checkpoint).unwrap();
    // A limit on the size of files stands in for a full disk: the next checkpoint does not fit.
    let script = format!("trap '' XFSZ; ulimit -f 100; exec {BINARY} train --resume t");
    let output = Command::new("sh").args(["-c", &script]).current_dir(folder.path()).output().unwrap();
    let last = stderr(&output).lines().last().unwrap_or_default().to_owned();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(last.starts_with("error: ") && last.contains("step-000004.safetensors"), "{last}");
    assert_eq!(fs::read(&checkpoint).unwrap(), before);
    assert!(!snapshot(folder.path()).keys().any(|path| path.extension().is_some_and(|end| end == "tmp")), "no half-written file stays");
}

#[test]
fn bench_step_ends_with_its_one_line() {
    let folder = temporary();
    let output = succeed(folder.path(), &[&["bench", "step", "--steps", "2"], &TINY[..]].concat());
    let text = stdout(&output);
    let line = text.lines().last().unwrap();
    let words: Vec<&str> = line.split(' ').collect();
    let ["step:", "median", median, "s", "(min", min, "max", max, rate, "GFLOP/s,", "peak", "device", "memory", memory, "MiB"] = words[..] else {
        panic!("{line:?}")
    };
    let seconds = [median, min.trim_end_matches(','), max.trim_end_matches("),")];
    // "s" stands behind the median only.
    assert!(seconds.iter().all(|text| text.parse::<f64>().is_ok_and(|value| value > 0.0)), "{line:?}");
    assert!(rate.parse::<f64>().is_ok() && memory.parse::<u64>().is_ok(), "{line:?}");
    assert_eq!(stderr(&output), "");
    assert!(snapshot(folder.path()).is_empty());
}

#[test]
fn output_that_is_no_terminal_is_plain() {
    let folder = temporary();
    for (key, value) in [("NO_COLOR", "1"), ("TERM", "xterm-256color")] {
        let arguments = [&["train", "--steps", "1", "--name", key], &TINY[..]].concat();
        let output = command(folder.path(), &arguments).env(key, value).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        let help = command(folder.path(), &["train", "--help"]).env(key, value).output().unwrap();
        for bytes in [&output.stdout, &output.stderr, &help.stdout] {
            assert!(!bytes.contains(&0x1b) && !bytes.contains(&b'\r'), "{}", String::from_utf8_lossy(bytes));
        }
        let text = stderr(&output);
        assert!(text.lines().count() <= 3 && !text.contains("error"), "{text}");
        assert_eq!(stdout(&output).lines().count(), 2, "{}", stdout(&output));
    }
}
