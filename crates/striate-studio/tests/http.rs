//! Who is let in, over a real socket.

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;

use support::TestStudio;

/// Sends one request as written and returns the status and the rest.
fn ask(studio: &TestStudio, request: &str) -> (u16, String) {
    let authority = studio.url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(authority).unwrap();
    stream.write_all(request.replace('\n', "\r\n").replace("HOST", authority).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("{answer}"));
    (status, answer)
}

fn token(studio: &TestStudio) -> String {
    let (_, page) = ask(studio, "GET /labs HTTP/1.1\nHost: HOST\nConnection: close\n\n");
    page.split("striate-token\" content=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned()
}

#[test]
fn only_our_own_pages_are_answered() {
    let studio = TestStudio::start();
    let status = |request: &str| ask(&studio, request).0;
    assert_eq!(status("GET / HTTP/1.1\nHost: HOST\nConnection: close\n\n"), 200);
    assert_eq!(status("GET / HTTP/1.1\nHost: striate.example\nConnection: close\n\n"), 421);
    assert_eq!(status("GET / HTTP/1.1\nHost: HOST\nOrigin: http://evil.example\nConnection: close\n\n"), 403);
    assert_eq!(status("GET /nothing HTTP/1.1\nHost: HOST\nConnection: close\n\n"), 404);
    assert_eq!(status("GET /static/../src/lib.rs HTTP/1.1\nHost: HOST\nConnection: close\n\n"), 404);
}

#[test]
fn what_changes_something_needs_the_token_of_this_launch() {
    let studio = TestStudio::start();
    let status = |path: &str| ask(&studio, &format!("POST /{path} HTTP/1.1\nHost: HOST\nConnection: close\n\n")).0;
    for path in ["exercises/correlate2d/check", "stations/correlation-filtering/start", "stations/perceptron/mark"] {
        assert_eq!(status(path), 403, "{path}");
    }
    let post = |extra: &str| {
        let body = r#"{"goal":"perception"}"#;
        let head = format!(
            "POST /goal HTTP/1.1\nHost: HOST\nContent-Type: application/json\nContent-Length: {}\nConnection: close\n",
            body.len()
        );
        ask(&studio, &format!("{head}{extra}\n{body}")).0
    };
    assert_eq!(post(""), 403);
    assert_eq!(post("x-striate-token: 00000000000000000000000000000000\n"), 403);
    let token = token(&studio);
    assert_eq!(post(&format!("x-striate-token: {token}\nOrigin: http://evil.example\n")), 403);
    assert_eq!(post(&format!("x-striate-token: {token}\n")), 200);

    let socket = |protocols: &str| {
        let request = format!(
            "GET /live/progress HTTP/1.1\nHost: HOST\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Protocol: {protocols}\n\n"
        );
        let authority = studio.url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let mut stream = TcpStream::connect(&authority).unwrap();
        stream.write_all(request.replace('\n', "\r\n").replace("HOST", &authority).as_bytes()).unwrap();
        let mut start = [0; 12];
        stream.read_exact(&mut start).unwrap();
        String::from_utf8_lossy(&start).into_owned()
    };
    assert_eq!(socket("striate"), "HTTP/1.1 403");
    assert_eq!(socket("striate, wrong"), "HTTP/1.1 403");
    assert_eq!(socket(&format!("striate, {token}")), "HTTP/1.1 101");
}

#[test]
fn pages_may_load_nothing_from_elsewhere() {
    let studio = TestStudio::start();
    let (_, page) = ask(&studio, "GET / HTTP/1.1\nHost: HOST\nConnection: close\n\n");
    assert!(page.contains("content-security-policy: default-src 'none'; script-src 'self'"));
    assert!(!page.contains("https://cdn") && !page.contains("<script src=\"http"));
}

#[test]
fn a_taken_port_is_told_plainly() {
    let studio = TestStudio::start();
    let port: u16 = studio.url.trim_end_matches('/').rsplit(':').next().unwrap().parse().unwrap();
    let home = tempfile::tempdir().unwrap();
    let config = striate_studio::StudioConfig { port: Some(port), ..support::config(home.path()) };
    let Err(error) = striate_studio::Studio::bind(config.clone()) else { panic!("the port is taken") };
    let text = error.to_string();
    assert!(text.contains(&format!("127.0.0.1:{port}")) && text.contains("--port"), "{text}");

    std::fs::write(home.path().join("file"), "").unwrap();
    let config = striate_studio::StudioConfig { port: Some(0), runs: home.path().join("file/runs"), ..config };
    let Err(error) = striate_studio::Studio::bind(config) else { panic!("a file is no folder") };
    assert!(error.to_string().contains("STRIATE_HOME"), "{error}");
}
