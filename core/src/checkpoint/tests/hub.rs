//! The Hugging Face hub, played by a server on the loopback interface.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::Command,
    thread,
};

use super::{fixture, load};

const ID: &str = "someone/tiny-swin";
const MODEL: &str = "huggingface-window5";

/// Serves the fixture under [`ID`] until the process ends; returns the address.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(|| answer(stream.unwrap()));
        }
    });
    format!("http://{address}")
}

fn answer(mut stream: TcpStream) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    let request = lines.next()?.ok()?;
    let mut start = 0;
    let mut end = usize::MAX;
    for line in lines {
        let line = line.ok()?.to_ascii_lowercase();
        if let Some(range) = line.strip_prefix("range: bytes=") {
            let (from, to) = range.split_once('-')?;
            start = from.parse().ok()?;
            end = to.parse().unwrap_or(usize::MAX);
        }
        if line.is_empty() {
            break;
        }
    }
    let path = request.split(' ').nth(1)?;
    let file = path.strip_prefix(&format!("/{ID}/resolve/main/"));
    let body = file.and_then(|file| fs::read(fixture(MODEL).join(file)).ok());
    let head = match &body {
        Some(body) => {
            let last = end.min(body.len() - 1);
            let (size, whole) = (last + 1 - start, body.len());
            format!(
                "206 Partial Content\r\ncontent-length: {size}\r\ncontent-range: bytes {start}-{last}/{whole}\r\netag: \"{whole}\"\r\nx-repo-commit: 0123abcd"
            )
        }
        None => "404 Not Found\r\ncontent-length: 0".into(),
    };
    write!(stream, "HTTP/1.1 {head}\r\nconnection: close\r\n\r\n").ok()?;
    let body = body.unwrap_or_default();
    let end = end.saturating_add(1).min(body.len());
    stream.write_all(&body[start.min(end)..end]).ok()
}

/// Loads `id` in another process, whose environment can be set without a race.
fn load_with(id: &str, cache: &Path, endpoint: &str, offline: &str) -> String {
    let child = "checkpoint::tests::hub::loads_what_the_environment_says";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", child, "--ignored", "--nocapture"])
        .env("INTFORMER_TEST_ID", id)
        .env("HF_HOME", cache)
        .env("HF_ENDPOINT", endpoint)
        .env("HF_HUB_OFFLINE", offline)
        .env_remove("TRANSFORMERS_OFFLINE")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("RESULT "), "{text}");
    text
}

#[test]
#[ignore = "runs in the process that load_with starts"]
fn loads_what_the_environment_says() {
    let id = std::env::var("INTFORMER_TEST_ID").unwrap();
    match load(id) {
        Ok(model) => println!("RESULT classes {}", model.config.classes()),
        Err(error) => println!("RESULT {error}"),
    }
}

#[test]
fn a_model_is_fetched_once_and_then_read_from_the_cache() {
    let cache = tempfile::tempdir().unwrap();
    let endpoint = serve();
    let missing = load_with(ID, cache.path(), &endpoint, "1");
    assert!(missing.contains("HF_HUB_OFFLINE is set"), "{missing}");

    let fetched = load_with(ID, cache.path(), &endpoint, "0");
    assert!(fetched.contains("RESULT classes 4"), "{fetched}");

    let nowhere = "http://127.0.0.1:9";
    for offline in ["1", "true"] {
        let cached = load_with(ID, cache.path(), nowhere, offline);
        assert!(cached.contains("RESULT classes 4"), "{cached}");
    }
}

#[test]
fn unknown_models_and_dead_servers_are_errors() {
    let cache = tempfile::tempdir().unwrap();
    let unknown = load_with("someone/else", cache.path(), &serve(), "");
    assert!(
        unknown.contains("someone/else on the Hugging Face hub, found none"),
        "{unknown}"
    );

    let dead = load_with(ID, cache.path(), "http://127.0.0.1:9", "");
    assert!(dead.contains("found no such path and"), "{dead}");
}
