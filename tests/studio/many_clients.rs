//! Many who look on: nothing is lost, and the memory stays flat.

use crate::{Studio, made_run, row};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};
use tempfile::tempdir;

const CLIENTS: usize = 20;
/// Bytes by which the studio may grow: buffers of sockets and of the allocator.
const GROWTH: u64 = 8 << 20;

/// Bytes of memory of a process, where the system tells them.
fn memory(process: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib << 10)
}

/// Twenty clients of one run to which rows are added for so long.
fn look_on(seconds: u64) {
    let folder = tempdir().unwrap();
    let runs = folder.path().join("runs");
    made_run(&runs, "r", 1);
    let studio = Studio::start(folder.path(), "");
    let path = runs.join("r/metrics.csv");
    let mut file = OpenOptions::new().append(true).open(path).unwrap();
    let began = Instant::now();
    let (mut step, mut first) = (1, None);
    thread::scope(|scope| {
        let mut clients = Vec::new();
        for _ in 0..CLIENTS {
            let mut events = studio.events("/api/runs/r/events?after=0");
            clients.push(scope.spawn(move || {
                let (mut last, mut lost) = (0, 0);
                while let Some(event) = events.next() {
                    for row in event["rows"].as_array().into_iter().flatten() {
                        let step = row["step"].as_u64().unwrap();
                        lost += u64::from(step != last + 1);
                        last = step;
                    }
                    if event["state"] == "gone" {
                        break;
                    }
                }
                (last, lost)
            }));
        }
        while began.elapsed() < Duration::from_secs(seconds) {
            step += 1;
            file.write_all(row(step).as_bytes()).unwrap();
            thread::sleep(Duration::from_millis(20));
            // After a fifth of the time everything is as warm as it gets.
            if began.elapsed().as_secs() * 5 >= seconds && first.is_none() {
                first = memory(studio.process());
            }
        }
        let last = memory(studio.process());
        thread::sleep(Duration::from_secs(2));
        fs::rename(runs.join("r"), folder.path().join("moved")).unwrap();
        for client in clients {
            assert_eq!(client.join().unwrap(), (step, 0), "the last step, and gaps");
        }
        if let (Some(first), Some(last)) = (first, last) {
            println!("{CLIENTS} clients, {seconds} s, {step} rows: {first} bytes, then {last}");
            assert!(last <= first + GROWTH, "{first} bytes, then {last}");
        }
    });
}

#[test]
fn twenty_clients_lose_nothing() {
    look_on(5);
}

#[test]
#[ignore = "second tier: twenty clients for ten minutes"]
fn twenty_clients_for_ten_minutes_in_flat_memory() {
    look_on(600);
}
