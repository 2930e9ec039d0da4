//! Metrics of pictures beside those of other programs: scikit-image, and the crate `iqa`.
//! `scripts/metrics-parity setup` fetches scikit-image; without it that comparison is skipped with
//! a line that says so, unless `PIX2PIX_REQUIRE_SKIMAGE` is set.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use pix2pix::data::{Depth, Picture};
use pix2pix::metrics::{Metric, ms_ssim};
use serde_json::{Map, Value, json};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// What `scripts/metrics-parity` ends with where nothing is set up.
const NOT_SET_UP: i32 = 77;

/// Waves with an edge and some noise, other ones for each `seed` and channel.
fn pattern(width: u32, height: u32, channels: u32, seed: u32) -> Vec<u8> {
    let sample = |x: u32, y: u32, channel: u32| {
        let (fx, fy) = (f64::from(x), f64::from(y));
        let wave = (fx / (5.0 + f64::from(channel)) + f64::from(seed)).sin() + (fy / 7.0).cos();
        let edge = if x > width / 3 { 40.0 } else { 0.0 };
        let word = (x + 131 * y + 7919 * channel + 104_729 * seed).wrapping_mul(2_654_435_761);
        let noise = f64::from(word >> 24) / 16.0;
        (90.0 + 40.0 * wave + edge + noise).clamp(0.0, 255.0) as u8
    };
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    places
        .flat_map(|(x, y)| (0..channels).map(move |channel| sample(x, y, channel)))
        .collect()
}

/// A target, and an output that has a share of another pattern, in hundredths.
fn pair(width: u32, height: u32, channels: u32, share: u32) -> [Vec<u8>; 2] {
    let [target, other] = [1, 2].map(|seed| pattern(width, height, channels, seed));
    let blend = |(&target, &other): (&u8, &u8)| {
        ((u32::from(target) * (100 - share) + u32::from(other) * share) / 100) as u8
    };
    let output = target.iter().zip(&other).map(blend).collect();
    [output, target]
}

fn picture(width: u32, height: u32, bytes: &[u8]) -> Picture {
    let channels = bytes.len() / (width * height) as usize;
    Picture::from_bytes(width, height, channels, Depth::Eight, bytes.to_vec()).unwrap()
}

fn write(path: &Path, width: u32, height: u32, bytes: &[u8]) {
    let colour = match bytes.len() as u32 / (width * height) {
        1 => image::ColorType::L8,
        _ => image::ColorType::Rgb8,
    };
    image::save_buffer(path, bytes, width, height, colour).unwrap();
}

#[test]
fn metrics_are_those_of_scikit_image() {
    let folder = tempfile::tempdir().unwrap();
    let mut cases = Vec::new();
    for (width, height) in [(11, 11), (12, 17), (33, 31), (64, 64), (127, 90)] {
        for channels in [1, 3] {
            for share in [3, 40] {
                let [output, target] = pair(width, height, channels, share);
                let name = format!("{width}x{height}x{channels}-{share}");
                let files = ["output", "target"].map(|side| format!("{name}-{side}.png"));
                write(&folder.path().join(&files[0]), width, height, &output);
                write(&folder.path().join(&files[1]), width, height, &target);
                let [output, target] = [output, target].map(|bytes| picture(width, height, &bytes));
                let mut case = Map::new();
                case.insert("output".to_owned(), json!(files[0]));
                case.insert("target".to_owned(), json!(files[1]));
                for metric in [
                    Metric::Mae,
                    Metric::Rmse,
                    Metric::Psnr,
                    Metric::Ssim,
                    Metric::SsimGaussian,
                ] {
                    let value = metric.of(&output, &target).unwrap();
                    case.insert(metric.key().to_owned(), json!(value));
                }
                cases.push(Value::Object(case));
            }
        }
    }
    let scores = json!(cases).to_string();
    fs::write(folder.path().join("scores.json"), scores).unwrap();

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/metrics-parity");
    let status = Command::new(script)
        .arg("check")
        .arg(folder.path())
        .status();
    // A script that cannot be started is not set up. One that was killed has no code, and failed.
    let code = status.map_or(Some(NOT_SET_UP), |status| status.code());
    let required = std::env::var_os("PIX2PIX_REQUIRE_SKIMAGE").is_some();
    match code {
        Some(0) => {}
        Some(NOT_SET_UP) if !required => {
            let line = b"SKIPPED: the comparison of metrics with scikit-image; run \
                scripts/metrics-parity setup first\n";
            std::io::stderr().write_all(line).unwrap();
        }
        code => panic!("the comparison with scikit-image failed or is not set up: {code:?}"),
    }
}

/// The crate takes half of an odd side otherwise, so these are even down to the fourth half.
#[test]
fn ms_ssim_is_that_of_another_crate() {
    for (width, height) in [(176, 192)] {
        for share in [3, 60] {
            let [output, target] = pair(width, height, 3, share);
            let ours = ms_ssim(
                &picture(width, height, &output),
                &picture(width, height, &target),
            );
            let image = |bytes: Vec<u8>| iqa::Image::srgb8(width, height, bytes).unwrap();
            let options = iqa::MsssimOptions {
                mode: iqa::SsimMode::RgbAveraged,
            };
            let theirs = iqa::msssim(&image(target), &image(output), options).unwrap();
            let difference = (ours.unwrap() - theirs).abs();
            assert!(
                difference <= 1e-4,
                "{width}x{height}, {share} %: {difference:e} from {theirs}"
            );
        }
    }
}
