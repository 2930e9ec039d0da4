//! What a terminal shows while long work is done.

use crate::{command, picture, stdout, temporary};
use std::fs::File;
use std::io::Read;
use std::os::fd::FromRawFd;
use std::path::Path;
use std::process::Stdio;
use std::ptr::null_mut;

/// A terminal of 80 columns: the end that shows, and the one that a program writes to.
fn terminal() -> (File, File) {
    let (mut shows, mut takes) = (0, 0);
    let mut size = libc::winsize {
        ws_row: 24,
        ws_col: 80,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: the places of both ends and the size live as long as the call; nothing else is asked
    // for.
    let made = unsafe {
        libc::openpty(
            &mut shows,
            &mut takes,
            null_mut(),
            null_mut(),
            &raw mut size,
        )
    };
    assert_eq!(made, 0);
    // SAFETY: both are open, and nobody else closes them.
    unsafe { (File::from_raw_fd(shows), File::from_raw_fd(takes)) }
}

/// All that a line shows on a terminal, and its results.
fn shown(folder: &Path, line: &str) -> (String, String) {
    let (mut shows, takes) = terminal();
    let mut command = command(folder, line);
    command.env("TERM", "xterm").stderr(Stdio::from(takes));
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
    // The end that it writes to is closed with it.
    drop(command);
    let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = shows.read(&mut part) {
        bytes.extend_from_slice(&part[..count]);
    }
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    assert!(output.status.success(), "{line}: {text}");
    (text, stdout(&output))
}

#[test]
fn prepare_shows_how_far_it_is_on_a_terminal_alone() {
    let folder = temporary();
    let root = folder.path();
    for i in 0..6 {
        picture(&root.join(format!("in/{i}.png")), 60 + i, 50);
    }
    for (line, result) in [
        ("prepare grayscale in --out gray", "6 images in gray\n"),
        ("prepare combine in in --out pairs", "6 images in pairs\n"),
        ("prepare split in --out set", "6 images in set\n"),
    ] {
        let (text, made) = shown(root, line);
        assert!(
            text.contains(" of 6 images, ") && text.contains("images/s"),
            "{line}: {text:?}"
        );
        assert_eq!(made, result);
    }
    let quiet = crate::succeed(root, "prepare resize in --size 8 --out small");
    assert_eq!(crate::stderr(&quiet), "");
}
