//! What the studio does not do, and how it says so.

use crate::{BINARY, Studio, made_run, output};
use std::fs;
use tempfile::tempdir;

#[test]
fn only_its_own_page_may_ask() {
    let folder = tempdir().unwrap();
    let studio = Studio::start(folder.path(), "");
    let ask = |headers: &str| studio.send("GET", "/api/runs", headers, b"");
    let own = format!("Host: {}\r\n", studio.host);
    assert_eq!(ask(&own).status, 200);
    assert_eq!(
        ask(&format!("{own}Origin: http://{}\r\n", studio.host)).status,
        200
    );
    for (headers, told) in [
        (
            "Host: evil.example\r\n".to_owned(),
            "this host is not the studio's",
        ),
        (
            "Host: 192.168.0.1:80\r\n".to_owned(),
            "this host is not the studio's",
        ),
        (
            format!("{own}Origin: http://evil.example\r\n"),
            "another origin",
        ),
        (format!("{own}Origin: null\r\n"), "another origin"),
        (
            format!("{own}Sec-Fetch-Site: cross-site\r\n"),
            "another site",
        ),
    ] {
        let answer = ask(&headers);
        assert_eq!(answer.status, 403, "{headers}");
        assert!(
            answer.message().contains(told),
            "{headers}: {}",
            answer.message()
        );
        assert!(
            answer.head.contains("cache-control: no-store"),
            "{}",
            answer.head
        );
    }
    assert!(studio.get("/").head.contains("content-security-policy"));
    for (answer, status) in [
        (studio.get("/api/nothing"), 404),
        (studio.get("/nothing.html"), 404),
        (studio.post("/api/runs", ""), 405),
        (studio.get("/api/runs/absent"), 404),
        (studio.post("/api/trainings", "no json"), 400),
        (studio.post("/api/trainings", &" ".repeat(2 << 20)), 413),
    ] {
        assert_eq!(answer.status, status);
        assert!(!answer.message().is_empty());
    }
}

#[test]
fn others_need_the_token() {
    let folder = tempdir().unwrap();
    made_run(&folder.path().join("runs"), "r", 1);
    let studio = Studio::start(folder.path(), "--listen 127.0.0.1");
    let token = studio.token.clone().expect("a token");
    assert_eq!(token.len(), 32);
    assert_eq!(
        studio.get("/").status,
        200,
        "the page itself holds no secret"
    );
    for wrong in ["/api/runs", "/api/runs?token=0", "/files/-/r/metrics.csv"] {
        let answer = studio.get(wrong);
        assert_eq!(answer.status, 401, "{wrong}");
        assert!(answer.message().contains("token"));
    }
    assert_eq!(studio.get(&format!("/api/runs?token={token}")).status, 200);
    assert_eq!(
        studio.get(&format!("/files/{token}/r/metrics.csv")).status,
        200
    );
    let headers = format!("Host: {}\r\nX-Pix2pix-Token: {token}\r\n", studio.host);
    assert_eq!(studio.send("GET", "/api/runs", &headers, b"").status, 200);
}

#[test]
fn no_file_outside_of_the_runs_is_served() {
    let folder = tempdir().unwrap();
    let runs = folder.path().join("runs");
    made_run(&runs, "r", 1);
    fs::write(folder.path().join("secret"), "x").unwrap();
    fs::write(runs.join("r/.hidden"), "x").unwrap();
    let studio = Studio::start(folder.path(), "");
    assert_eq!(studio.get("/files/-/r/config.json").status, 200);
    let page = runs.join("r/index.html");
    fs::write(page, "<p>a page</p>").unwrap();
    let page = studio.get("/files/-/r/index.html");
    assert!(
        page.head.contains("content-security-policy: sandbox"),
        "{}",
        page.head
    );
    for path in [
        "/files/-/r/../../secret",
        "/files/-/r/..%2f..%2fsecret",
        "/files/-/..%2f/secret",
        "/files/-/%2e%2e/secret",
        "/files/-/r/%2e%2e/%2e%2e/secret",
        "/files/-/r/%2fetc%2fpasswd",
        "/files/-/r/.hidden",
        "/files/-/r/samples",
        "/files/-/r/..%5c..%5csecret",
        "/../secret",
        "/..%2f..%2fsecret",
        "/%2e%2e/secret",
    ] {
        let answer = studio.get(path);
        assert!(
            (400..500).contains(&answer.status),
            "{path}: {}",
            answer.status
        );
    }
}

#[test]
fn a_port_that_is_taken_is_said_with_the_remedy() {
    let folder = tempdir().unwrap();
    let studio = Studio::start(folder.path(), "");
    let port = studio.host.rsplit_once(':').unwrap().1;
    for (line, told) in [
        (
            format!("studio --port {port}"),
            format!("port {port} is taken"),
        ),
        (
            "studio --port 0 --data absent".to_owned(),
            "absent: there is no such folder".to_owned(),
        ),
        (
            "studio --port 0 --listen 203.0.113.1".to_owned(),
            "cannot listen at".to_owned(),
        ),
    ] {
        let output = output(folder.path(), &line);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains(&told) && said.trim().lines().count() == 1,
            "{said}"
        );
    }
    let output = output(folder.path(), &format!("studio --port {port}"));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--port"));
}

/// A program whose files cannot grow, which is what a full disk is like.
#[cfg(unix)]
fn without_room(folder: &std::path::Path) -> Studio {
    let mut command = std::process::Command::new("sh");
    let limit = "trap '' XFSZ; ulimit -f 0; exec \"$@\"";
    command
        .current_dir(folder)
        .args(["-c", limit, "sh", BINARY, "studio", "--port", "0"]);
    Studio::of(command)
}

#[cfg(unix)]
#[test]
fn on_a_full_disk_nothing_is_lost() {
    let folder = tempdir().unwrap();
    let run = folder.path().join("runs/r");
    made_run(&folder.path().join("runs"), "r", 1);
    let before = r#"{"version":1,"tags":["a"],"note":"n"}"#;
    fs::write(run.join("studio.json"), before).unwrap();
    let studio = without_room(folder.path());
    let answer = studio.put(
        "/api/runs/r/notes",
        r#"{"version":1,"tags":["b"],"note":""}"#,
    );
    assert_eq!(answer.status, 500, "{}", answer.message());
    assert!(
        answer.message().contains("studio.json"),
        "{}",
        answer.message()
    );
    assert_eq!(studio.get("/api/runs/r/notes").json()["tags"][0], "a");
    let host = format!("Host: {}\r\n", studio.host);
    let body = b"[{\"path\":\"train/a.png\",\"bytes\":1}]\nx";
    let answer = studio.send("POST", "/api/datasets?name=d", &host, body);
    assert_eq!(answer.status, 500, "{}", answer.message());
    assert!(
        answer.message().contains("make room"),
        "{}",
        answer.message()
    );
    let left = fs::read_dir(folder.path().join("runs/.datasets")).unwrap();
    assert_eq!(left.count(), 0, "nothing half is kept");
}

#[test]
fn a_run_that_vanishes_is_said() {
    let folder = tempdir().unwrap();
    let runs = folder.path().join("runs");
    made_run(&runs, "r", 3);
    let studio = Studio::start(folder.path(), "");
    let mut events = studio.events("/api/runs/r/events?after=0");
    events.until(|event| event["rows"].is_array().then_some(()));
    fs::rename(runs.join("r"), folder.path().join("moved")).unwrap();
    let told = events.until(|event| {
        (event["state"] == "gone").then(|| event["message"].as_str().unwrap().to_owned())
    });
    assert!(told.contains("moved or removed"), "{told}");
    for path in ["/api/runs/r", "/api/runs/r/notes", "/files/-/r/metrics.csv"] {
        let answer = studio.get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.message().contains("moved or removed"));
    }
}
