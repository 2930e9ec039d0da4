use super::*;
use crate::train::run::tests::row;

fn rows(count: u64) -> Vec<MetricsRow> {
    (1..=count)
        .map(|index| MetricsRow {
            seconds: index as f64,
            val_l1: index.is_multiple_of(5).then_some(0.4),
            val_ssim: index.is_multiple_of(5).then_some(0.7),
            val_psnr: index.is_multiple_of(5).then_some(20.0),
            ..row(index * 10)
        })
        .collect()
}

fn chart(rows: &[MetricsRow], copy_l1: Option<f32>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("losses.svg");
    assert!(write(&path, rows, copy_l1).unwrap());
    std::fs::read_to_string(&path).unwrap()
}

#[test]
fn the_chart_names_what_it_shows() {
    let svg = chart(&rows(50), Some(0.131));
    for text in [
        "D, real pairs",
        "D, fake pairs",
        "held-out",
        "copying the input",
        "smoothed",
        "SSIM of held-out pairs",
        "PSNR of held-out pairs",
    ] {
        assert!(svg.contains(text), "{text}");
    }
    assert!(!svg.contains("D, penalty"));
    let penalised: Vec<MetricsRow> = rows(50)
        .into_iter()
        .map(|row| MetricsRow {
            d_gp: Some(0.5),
            ..row
        })
        .collect();
    assert!(chart(&penalised, None).contains("D, penalty"));
    let svg = chart(&rows(4), None);
    assert!(
        !svg.contains("held-out") && !svg.contains("copying") && svg.contains("height=\"560\"")
    );
    let bare: Vec<MetricsRow> = rows(50)
        .into_iter()
        .map(|row| MetricsRow {
            g_gan: None,
            d_real: None,
            d_fake: None,
            ..row
        })
        .collect();
    let svg = chart(&bare, None);
    assert!(
        svg.contains("held-out") && !svg.contains("Adversarial") && !svg.contains("D, real pairs")
    );
}

#[test]
fn odd_rows_still_make_a_chart() {
    let mut lost = rows(20);
    lost[3].g_gan = Some(f32::NAN);
    lost[4].d_real = Some(f32::INFINITY);
    lost[5].g_l1 = 0.0;
    lost[6].d_fake = Some(-3.0);
    lost[7].d_fake = Some(f32::MAX);
    let svg = chart(&lost, Some(0.0));
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
    chart(&rows(1), None);
    chart(&rows(5), Some(f32::NAN));
}

#[test]
fn without_losses_there_is_no_chart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("losses.svg");
    let mut lost = rows(1);
    let row = &mut lost[0];
    row.g_l1 = f32::NAN;
    for loss in [&mut row.g_gan, &mut row.d_real, &mut row.d_fake] {
        *loss = Some(f32::NAN);
    }
    assert!(!write(&path, &lost, None).unwrap());
    assert!(!write(&path, &[], None).unwrap());
    assert!(!path.exists());
}

#[test]
fn a_long_run_makes_no_large_file() {
    assert!(chart(&rows(100_000), Some(0.131)).len() < 100_000);
    let points = thin(
        (0..100_000).map(|x| (f64::from(x), 1.0)).collect(),
        MAX_POINTS,
    );
    assert!(points.len() <= MAX_POINTS);
    assert!(points.iter().all(|point| point.1 == 1.0));
}

#[test]
fn smoothing_keeps_a_constant_and_starts_at_the_first_value() {
    let points = smooth(vec![(1.0, 2.0), (2.0, 2.0), (3.0, 12.0)]);
    let expected = [2.0, 2.0, 2.0 + 10.0 * 0.3 / (1.0 - 0.7f64.powi(3))];
    for (point, expected) in points.iter().zip(expected) {
        assert!((point.1 - expected).abs() < 1e-12);
    }
}

#[test]
fn ticks_are_round_and_enough() {
    assert_eq!(log_ticks(&(0.09..1.1)), [0.1, 0.2, 0.5, 1.0]);
    for (low, high) in [(0.1, 0.15), (0.3, 0.8), (2.0, 9.0)] {
        let ticks = log_ticks(&(low..high));
        assert!(ticks.len() >= 2, "{low}..{high}: {ticks:?}");
        assert!(ticks.iter().all(|&tick| low <= tick && tick < high));
    }
}

#[test]
fn tick_labels_are_short() {
    assert_eq!(
        [0.1 + 0.2, 0.0, -2.5, 3.4e38].map(tick_label),
        ["0.3", "0", "-2.5", "3.4e38"]
    );
}

#[test]
fn an_unwritable_chart_is_named() {
    let error = write(Path::new("nowhere/losses.svg"), &rows(2), None).unwrap_err();
    assert!(error.to_string().contains("losses.svg"));
}
