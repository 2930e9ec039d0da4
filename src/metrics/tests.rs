use super::*;
use crate::data::{Depth, Picture};

/// A pattern that a line of any language can make again.
fn pattern(width: u32, height: u32, channels: u32, seed: u32) -> Vec<u8> {
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    places
        .flat_map(|(x, y)| {
            (0..channels).map(move |k| {
                let wave = x * x * 7 + y * 13 + x * y * (k + 3) / 4;
                (wave / (3 + seed) + seed * 101) as u8
            })
        })
        .collect()
}

fn picture(width: u32, height: u32, bytes: Vec<u8>) -> Picture {
    let channels = bytes.len() / (width * height) as usize;
    Picture::from_bytes(width, height, channels, Depth::Eight, bytes).unwrap()
}

/// A pattern, and the same with a quarter of another one.
fn two(width: u32, height: u32, channels: u32) -> [Picture; 2] {
    let [a, b] = [0, 1].map(|seed| pattern(width, height, channels, seed));
    let blend = |(&a, &b): (&u8, &u8)| ((u32::from(a) * 3 + u32::from(b)) / 4) as u8;
    let blended = a.iter().zip(&b).map(blend).collect();
    [a, blended].map(|bytes| picture(width, height, bytes))
}

/// scikit-image 0.26.0 on the same patterns: `structural_similarity` with its defaults, then with
/// `gaussian_weights=True, sigma=1.5, use_sample_covariance=False`, and `peak_signal_noise_ratio`;
/// the other two in NumPy.
#[test]
fn ssim_and_distances_are_those_of_scikit_image() {
    for ([width, height, channels], uniform, gaussian, others) in [
        (
            [7, 7, 1],
            0.9240265339674893,
            None,
            [21.22071079657841, 22.06122448979592, 22.156677714561333],
        ),
        (
            [11, 13, 1],
            0.9395526539672602,
            Some(0.9679258174055496),
            [20.125026620788194, 22.244755244755243, 25.13557643654115],
        ),
        (
            [11, 13, 3],
            0.9398000224959384,
            Some(0.9655818404364106),
            [20.25464677388589, 21.853146853146853, 24.763261380906883],
        ),
        (
            [64, 48, 3],
            0.9185175101584795,
            Some(0.9119636709379754),
            [19.745094589112156, 21.182291666666668, 26.25943944036548],
        ),
        (
            [33, 57, 3],
            0.9230465604484833,
            Some(0.9219187321488481),
            [19.791822513638827, 20.69112174375332, 26.118549507757024],
        ),
    ] {
        let [a, b] = two(width, height, channels);
        let near = |found: f64, expected: f64| {
            let off = (found - expected).abs();
            assert!(
                off < 1e-9,
                "{width}×{height}×{channels}: {found}, {expected}"
            );
        };
        near(ssim(&a, &b, SsimWindow::Uniform).unwrap(), uniform);
        match gaussian {
            Some(gaussian) => near(ssim(&a, &b, SsimWindow::Gaussian).unwrap(), gaussian),
            None => assert!(matches!(
                ssim(&a, &b, SsimWindow::Gaussian),
                Err(MetricError::Small { least: 11, .. })
            )),
        }
        near(psnr(&a, &b).unwrap(), others[0]);
        near(mae(&a, &b).unwrap(), others[1]);
        near(rmse(&a, &b).unwrap(), others[2]);
    }
}

#[test]
fn equal_pictures_are_as_alike_as_can_be() {
    let [a, _] = two(161, 170, 3);
    for window in [SsimWindow::Uniform, SsimWindow::Gaussian] {
        assert!((ssim(&a, &a, window).unwrap() - 1.0).abs() < 1e-12);
    }
    assert!((ms_ssim(&a, &a).unwrap() - 1.0).abs() < 1e-12);
    assert_eq!(mae(&a, &a).unwrap(), 0.0);
    assert_eq!(psnr(&a, &a).unwrap(), f64::INFINITY);
}

#[test]
fn pictures_that_cannot_be_compared_are_refused_with_their_sizes() {
    let [a, b] = two(20, 30, 3);
    let [turned, _] = two(30, 20, 3);
    let [gray, _] = two(20, 30, 1);
    let deep = Picture::from_bytes(20, 30, 3, Depth::Sixteen, vec![0; 3600]).unwrap();
    for (other, said) in [
        (&turned, "are 20×30 and 30×20 with 3 and 3 channels"),
        (&gray, "with 3 and 1 channels"),
        (&deep, "this picture has 16 bits"),
    ] {
        let error = mae(&a, other).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
        assert!(ssim(&a, other, SsimWindow::Uniform).is_err());
    }
    let error = ms_ssim(&a, &b).unwrap_err().to_string();
    assert!(
        error.starts_with("MS-SSIM needs 161 pixels a side, and this picture has 20×30"),
        "{error}"
    );
    let mut histograms = LabHistograms::default();
    assert!(matches!(
        histograms.add(&gray),
        Err(MetricError::Colours { channels: 1, .. })
    ));
    assert!(sharpness(&deep).is_err());
}

#[test]
fn a_checkerboard_has_all_its_energy_at_the_highest_frequency() {
    let of = |value: fn(u32, u32) -> u8| {
        let places = (0..16).flat_map(|y| (0..16).map(move |x| (x, y)));
        picture(16, 16, places.map(|(x, y)| value(x, y)).collect())
    };
    let flat = of(|_, _| 77);
    assert_eq!(sharpness(&flat).unwrap(), 0.0);
    assert_eq!(highest_frequency(&flat).unwrap(), 0.0);
    // Of amplitude 10: each axis has the factor 1.
    let board = of(|x, y| if (x + y) % 2 == 0 { 90 } else { 110 });
    assert_eq!(highest_frequency(&board).unwrap(), 100.0);
    assert_eq!(sharpness(&board).unwrap(), 20.0);
    // Stripes are flat along the other axis.
    let stripes = of(|x, _| if x % 2 == 0 { 90 } else { 110 });
    assert_eq!(highest_frequency(&stripes).unwrap(), 50.0);
    // A ramp is sharp by its slope and has nothing there.
    let ramp = of(|x, _| 3 * x as u8);
    assert_eq!(highest_frequency(&ramp).unwrap(), 0.0);
    assert!((sharpness(&ramp).unwrap() - 4.5f64.sqrt()).abs() < 1e-12);
}

#[test]
fn histograms_share_what_their_smaller_bars_share() {
    let of = |colours: &[[u8; 3]]| {
        let mut histograms = LabHistograms::default();
        let bytes = colours.concat();
        histograms
            .add(&picture(colours.len() as u32, 1, bytes))
            .unwrap();
        histograms
    };
    let (black, white) = ([0, 0, 0], [255, 255, 255]);
    let mixed = of(&[black, black, white, white]);
    assert_eq!(mixed.intersection(&mixed), Some([1.0; 3]));
    // Three quarters of black against a half of it, a quarter of white against a half.
    let dark = of(&[black, black, black, white]);
    let [lightness, a, b] = dark.intersection(&mixed).unwrap();
    assert_eq!(lightness, 0.75);
    assert_eq!([a, b], [1.0; 2]);
    let apart = of(&[black]).intersection(&of(&[white])).unwrap();
    assert_eq!(apart[0], 0.0);
    assert_eq!(mixed.intersection(&LabHistograms::default()), None);
}

/// By hand: four pixels of label 0, of which three were painted so, two of label 1, none of 2.
#[test]
fn label_scores_are_those_counted_by_hand() {
    let mut confusion = Confusion::new(4);
    assert_eq!(confusion.pixel_accuracy(), None);
    assert_eq!(
        confusion.add(&[0, 0, 0, 1, 1, 2, 9], &[0, 0, 0, 0, 1, 1, 0]),
        6
    );
    assert_eq!(confusion.count(0, 1), 1);
    assert_eq!(confusion.pixel_accuracy(), Some(4.0 / 6.0));
    assert_eq!(
        confusion.class_accuracies(),
        [Some(0.75), Some(0.5), None, None]
    );
    let ious = confusion.class_ious();
    assert_eq!(ious, [Some(0.75), Some(1.0 / 3.0), Some(0.0), None]);
    assert_eq!(class_mean(&confusion.class_accuracies()), Some(0.625));
    let mut twice = confusion.clone();
    twice.merge(&confusion);
    assert_eq!(twice.count(0, 0), 6);
    assert_eq!(twice.pixel_accuracy(), confusion.pixel_accuracy());
}

/// Of many values the interval is that of the normal distribution, 1.96 standard errors each way.
#[test]
fn an_interval_holds_the_mean_and_is_as_wide_as_the_spread_says() {
    let values: Vec<f64> = (0..400).map(|i| f64::from(i * 37 % 400)).collect();
    let mean = Mean::of(&values).unwrap();
    assert_eq!((mean.mean, mean.count), (199.5, 400));
    let error = (400.0f64 * 400.0 / 12.0 / 400.0).sqrt();
    for end in [mean.mean - mean.low, mean.high - mean.mean] {
        assert!((end / (1.96 * error) - 1.0).abs() < 0.1, "{mean:?}");
    }
    assert_eq!(Mean::of(&values), Mean::of(&values));
    let one = Mean::of(&[3.0]).unwrap();
    assert_eq!((one.low, one.mean, one.high), (3.0, 3.0, 3.0));
    assert_eq!(Mean::of(&[]), None);
    assert_eq!(Mean::of(&[1.0, f64::INFINITY]).unwrap().low, f64::INFINITY);
}
