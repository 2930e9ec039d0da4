//! What every command prints and leaves behind when all is well.

use crate::{
    TINY, command, config, copy_folder, dataset, fail_cleanly, finished, generator, open, picture,
    snapshot, stderr, stdout, succeed, temporary,
};
use pix2pix::train::run::{RunDir, Stage};
use std::fs;
use std::path::Path;
use std::process::Stdio;

#[test]
fn a_good_run_leaves_everything() {
    let run_folder = finished().join("runs/t");
    for file in [
        "config.json",
        "state.json",
        "metrics.csv",
        "held_out.json",
        "losses.svg",
        "index.html",
        "generator.safetensors",
        "discriminator.safetensors",
        "samples/step-000004.png",
        "checkpoints/step-000004.safetensors",
    ] {
        let metadata = fs::metadata(run_folder.join(file));
        assert!(metadata.is_ok_and(|metadata| metadata.len() > 0), "{file}");
    }
    // Eight rows of input, output and target, with or without a gap between them.
    let samples = open(&run_folder.join("samples/step-000004.png"));
    let (width, height) = (samples.width(), samples.height());
    assert!(width >= 3 * 32 && height >= 8 * 32, "{width}x{height}");
    let config = config(finished(), "t");
    assert_eq!(
        (&config["size"], &config["ngf"], &config["length"]["steps"]),
        (&32.into(), &2.into(), &4.into())
    );
    let metrics = fs::read_to_string(run_folder.join("metrics.csv")).unwrap();
    assert_eq!(metrics.lines().count(), 1 + 4, "{metrics}");
    let state = RunDir::state_of(&run_folder).unwrap().unwrap();
    assert_eq!(
        (state.standing.stage, state.standing.step),
        (Stage::Complete, 4)
    );
    assert!(state.memory > 0 && !state.adapter.is_empty(), "{state:?}");
}

#[test]
fn without_a_data_set_the_bundled_pairs_are_trained_on() {
    let folder = temporary();
    let output = succeed(folder.path(), &format!("train --steps 1 --name t {TINY}"));
    assert!(
        stderr(&output).contains("200 training pairs"),
        "{}",
        stderr(&output)
    );
    assert!(config(folder.path(), "t")["dataset"].is_null());
}

#[test]
fn a_finished_run_can_be_resumed_and_has_nothing_left_to_learn() {
    let folder = temporary();
    let root = folder.path();
    copy_folder(finished(), root);
    // A data set of the same name is not taken for the run.
    dataset(&root.join("t"), 1);
    let data = snapshot(&root.join("t"));
    let output = succeed(root, "train --resume t");
    assert!(
        snapshot(&root.join("t")) == data,
        "the data set was touched"
    );
    let last = stdout(&output).lines().last().unwrap().to_owned();
    let words: Vec<&str> = last.split(' ').collect();
    let [
        "held-out",
        "L1",
        score,
        "SSIM",
        ssim,
        "copying",
        "the",
        "input",
        "L1",
        copy,
        picture,
    ] = words[..]
    else {
        panic!("{last:?}")
    };
    let is_score = |text: &str, end: char| {
        text.ends_with(end) && text.len() == 7 && text[..6].parse::<f32>().is_ok_and(|v| v > 0.0)
    };
    assert!(
        is_score(score, ',') && is_score(ssim, ',') && is_score(copy, ':'),
        "{last:?}"
    );
    assert!(root.join(picture).is_file(), "{last:?}");
    let file = "runs/t/generator.safetensors";
    assert!(fs::read(root.join(file)).unwrap() == fs::read(generator()).unwrap());
    let metrics = fs::read_to_string(root.join("runs/t/metrics.csv")).unwrap();
    assert_eq!(metrics.lines().count(), 1 + 4, "{metrics}");
}

#[test]
fn a_run_is_found_by_its_name_and_by_every_path() {
    let folder = temporary();
    let root = folder.path();
    copy_folder(finished(), root);
    let absolute = root.join("runs/t").display().to_string();
    for (below, name) in [
        ("", "t"),
        ("", "runs/t"),
        ("", &absolute),
        ("runs", "t"),
        ("runs/t", "."),
    ] {
        succeed(&root.join(below), &format!("train --resume '{name}'"));
    }
}

#[test]
fn a_run_goes_on_where_its_data_set_has_moved_and_its_configuration_is_the_newest() {
    let folder = temporary();
    let root = folder.path();
    dataset(&root.join("set"), 3);
    succeed(root, &format!("train set --steps 2 --name r {TINY}"));
    fs::rename(root.join("set"), root.join("moved")).unwrap();
    let message = fail_cleanly(root, 1, "train --resume r");
    assert!(
        message.contains("/set is no longer there")
            && message.contains("pix2pix train DATASET --resume r"),
        "{message}"
    );
    dataset(&root.join("other"), 2);
    let message = fail_cleanly(root, 2, "train other --resume r");
    assert!(
        message.contains("2 training pairs") && message.contains("began with 3"),
        "{message}"
    );
    succeed(root, "train moved --resume r --lr 0.001");
    let config = config(root, "r");
    assert!(
        config["dataset"].as_str().unwrap().ends_with("/moved") && config["learning_rate"] == 0.001,
        "{config}"
    );
    succeed(root, "train --resume r");
}

#[test]
fn translate_keeps_every_size_and_is_the_same_every_time() {
    let folder = temporary();
    let root = folder.path();
    let sizes = [
        ("a.png", 33, 47),
        ("b.jpg", 32, 32),
        ("c.png", 1, 1),
        ("d.png", 70, 31),
    ];
    sizes
        .iter()
        .for_each(|&(name, width, height)| picture(&root.join("in").join(name), width, height));
    let model = generator();
    for out in ["one", "two"] {
        let output = succeed(root, &format!("translate in --model '{model}' --out {out}"));
        let expected: Vec<String> = sizes
            .iter()
            .map(|(name, ..)| format!("{out}/{}.png", &name[..1]))
            .collect();
        assert_eq!(stdout(&output).lines().collect::<Vec<_>>(), expected);
        let text = stderr(&output);
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines.len() == 2
                && lines[0].starts_with("4 images in ")
                && lines[0].ends_with(" images/s")
                && lines[1].starts_with("note: images far from ")
                && lines[1].contains(": 1, such as in/c.png (1x1); "),
            "{text}"
        );
    }
    for (name, width, height) in sizes {
        let read = |out: &str| {
            let file = root.join(out).join(name).with_extension("png");
            open(&file).to_rgb8()
        };
        assert_eq!(read("one").dimensions(), (width, height), "{name}");
        assert_eq!(read("one"), read("two"), "{name}");
    }
    // A run folder and a checkpoint are models as well, and the same one.
    let run_folder = finished().join("runs/t");
    let checkpoint = run_folder.join("checkpoints/step-000004.safetensors");
    for (model, out) in [(run_folder, "three"), (checkpoint, "four")] {
        let model = model.display();
        succeed(
            root,
            &format!("translate in/a.png --model '{model}' --out {out}"),
        );
        assert_eq!(
            fs::read(root.join(out).join("a.png")).unwrap(),
            fs::read(root.join("one/a.png")).unwrap()
        );
    }
}

#[test]
fn inspect_takes_a_preset() {
    let folder = temporary();
    let print = |options| stdout(&succeed(folder.path(), &format!("inspect {options}")));
    let fast = "--size 64 --ngf 16 --ndf 8 --d-layers 1 --upsample nearest --gan-mode lsgan \
                --no-dropout --ema 0.998";
    assert_eq!(print("--preset fast"), print(fast));
    assert_ne!(print("--preset fast --ndf 16"), print(fast));
}

#[test]
fn inspect_and_adapters_print_results_on_stdout() {
    let folder = temporary();
    let output = succeed(folder.path(), "inspect --size 64 --ngf 4");
    let text = stdout(&output);
    for part in [
        "operation",
        "shape",
        "MFLOP",
        "kernel",
        "generator.down1: conv2d",
        "generator: adam",
        "memory plan",
        "optimiser moments",
        "activations",
        "in all",
    ] {
        assert!(text.contains(part), "{part}");
    }
    assert_eq!(stderr(&output), "");
    let output = succeed(folder.path(), "adapters");
    let text = stdout(&output);
    let chosen = text.lines().filter(|line| line.starts_with("* ")).count();
    assert_eq!(chosen, 1, "{text}");
    assert!(text.contains("subgroups") && stderr(&output).lines().count() == 1);
    assert!(snapshot(folder.path()).is_empty());
}

#[cfg(unix)]
#[test]
fn a_reader_that_has_seen_enough_is_no_error_and_a_full_disk_is() {
    let folder = temporary();
    let mut child = command(folder.path(), "inspect --size 256")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}: {}",
        output.status,
        stderr(&output)
    );
    let full = Path::new("/dev/full");
    if full.exists() {
        let file = fs::OpenOptions::new().write(true).open(full).unwrap();
        let output = command(folder.path(), "adapters")
            .stdout(file)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(
            stderr(&output).starts_with("error: cannot write to stdout"),
            "{}",
            stderr(&output)
        );
    }
}

#[test]
fn output_that_is_no_terminal_is_plain() {
    let folder = temporary();
    dataset(&folder.path().join("pairs"), 2);
    for (key, value) in [("NO_COLOR", "1"), ("TERM", "xterm-256color")] {
        let line = format!("train pairs --steps 1 --name {key} {TINY}");
        let output = command(folder.path(), &line)
            .env(key, value)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        let help = command(folder.path(), "train --help")
            .env(key, value)
            .output()
            .unwrap();
        for bytes in [&output.stdout, &output.stderr, &help.stdout] {
            assert!(
                !bytes.contains(&0x1b) && !bytes.contains(&b'\r'),
                "{}",
                String::from_utf8_lossy(bytes)
            );
        }
        let text = stderr(&output);
        // Beside the memory plan, one line a purpose: how the folder was understood, what it trains
        // on, how far it is, how long it waited for data.
        let plan = text
            .lines()
            .filter(|line| line.starts_with("memory plan") || line.ends_with(" MiB"))
            .count();
        assert!(
            (6..=10).contains(&plan) && text.lines().count() <= plan + 4 && !text.contains("error"),
            "{text}"
        );
        let last = text.lines().last().unwrap();
        let (share, rest) = last
            .strip_prefix("waited ")
            .and_then(|rest| rest.split_once(" % of "))
            .unwrap();
        let share: f64 = share.parse().unwrap();
        assert!(
            (0.0..=100.0).contains(&share) && rest.ends_with(" s for data"),
            "{text}"
        );
        assert_eq!(stdout(&output).lines().count(), 2, "{}", stdout(&output));
    }
}
