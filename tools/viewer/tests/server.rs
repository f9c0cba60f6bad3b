//! The server as a client sees it, byte by byte.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use srt::{
    Bound, DecodeOptions, Decoder, EncodeOptions, Error, FileBytes, Input, Region, Shape, Volume,
    write_npy,
};
use srt_viewer::{Server, ShownFile, Viewer};

const MASK: f32 = -999.0;

fn field() -> Volume<f32> {
    let shape = Shape::new(&[24, 32, 40]).unwrap();
    let wave = |i: usize| (i as f32 * 0.01).sin() + (i as f32 * 0.003).cos();
    let mut values: Vec<f32> = (0..shape.len()).map(wave).collect();
    values[5] = MASK;
    Volume::new(shape, values).unwrap()
}

fn encoded() -> Vec<u8> {
    let options = EncodeOptions::new(Bound::MaxError(1e-3)).with_field("u \"<b>");
    srt::encode(&field(), &options.with_mask_value(MASK.into())).unwrap()
}

fn shown(name: &str, bytes: Vec<u8>) -> ShownFile {
    let length = bytes.len() as u64;
    let source = Arc::new(FileBytes::from(bytes));
    ShownFile {
        name: name.into(),
        bytes: length,
        decoder: Decoder::from_source(source, DecodeOptions::default())
            .map_err(|e: Error| e.within(name)),
        originals: Vec::new(),
    }
}

/// A server of a whole file with its original, of one that is cut, and of one that is damaged inside.
struct Running {
    port: u16,
    token: String,
    _folder: tempfile::TempDir,
}

fn start() -> Running {
    let whole = encoded();
    let cut = whole[..whole.len() - 40].to_vec();
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    let mut first = shown("whole.srt", whole);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("original.npy");
    let mut file = std::fs::File::create(&path).unwrap();
    write_npy(&mut file, field().shape(), field().data()).unwrap();
    drop(file);
    first.originals = vec![Input::open_npy(&path).unwrap()];
    let files = vec![first, shown("cut.srt", cut), shown("damaged.srt", damaged)];
    let server = Server::bind(Viewer::new(files, 1 << 20), 0).unwrap();
    let url = server.url();
    std::thread::spawn(move || server.run());
    let (place, token) = url
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    Running {
        port: place.rsplit_once(':').unwrap().1.parse().unwrap(),
        token: token.trim_end_matches('/').into(),
        _folder: folder,
    }
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn floats(&self) -> Vec<f32> {
        let floats = self.body.chunks_exact(4);
        floats
            .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
            .collect()
    }
}

impl Running {
    /// What the server answers to any bytes.
    fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        answer
    }

    fn ask(&self, method: &str, path: &str, host: &str) -> Answer {
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = self.raw(request.as_bytes());
        let end = answer
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap();
        let head = String::from_utf8(answer[..end].to_vec())
            .unwrap()
            .to_lowercase();
        Answer {
            status: head[9..12].parse().unwrap(),
            head,
            body: answer[end + 4..].to_vec(),
        }
    }

    fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", &format!("/{}/{path}", self.token), &self.host())
    }
}

#[test]
fn other_hosts_and_wrong_tokens_get_nothing() {
    let server = start();
    let path = format!("/{}/api/files", server.token);
    assert_eq!(server.ask("GET", &path, &server.host()).status, 200);
    assert_eq!(
        server
            .ask("GET", &path, &format!("localhost:{}", server.port))
            .status,
        200
    );
    let rebound = format!("attacker.example:{}", server.port);
    for host in [rebound.as_str(), "127.0.0.1", "127.0.0.1:1", "[::1]:80", ""] {
        let answer = server.ask("GET", &path, host);
        assert_eq!(answer.status, 403, "{host}");
        assert!(!answer.text().contains("whole.srt"));
    }
    let wrong = "0".repeat(32);
    for path in [
        "/",
        "/api/files",
        "/index.html",
        "//api/files",
        &format!("/{wrong}/api/files"),
    ] {
        assert_eq!(
            server.ask("GET", path, &server.host()).status,
            403,
            "{path}"
        );
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        assert_eq!(
            server.ask(method, &path, &server.host()).status,
            405,
            "{method}"
        );
    }
    let bare = format!("GET {path} HTTP/1.0\r\n\r\n");
    assert!(server.raw(bare.as_bytes()).starts_with(b"HTTP/1.0 403"));
}

#[test]
fn the_page_is_whole_and_asks_nothing_of_others() {
    let server = start();
    let page = server.get("");
    assert_eq!(page.status, 200);
    assert!(
        page.head
            .contains("content-security-policy: default-src 'self'")
    );
    assert!(page.head.contains("referrer-policy: no-referrer"));
    for name in ["style.css", "icon.svg", "main.js"] {
        assert!(page.text().contains(name));
    }
    // Every module that one of them imports is there.
    let mut open = vec!["main.js".to_owned()];
    let mut seen = Vec::new();
    while let Some(name) = open.pop() {
        let script = server.get(&name);
        assert_eq!(script.status, 200, "{name}");
        assert!(script.head.contains("text/javascript"), "{name}");
        let imports = script.text().split("from './").skip(1);
        let imports = imports.map(|rest| rest.split('\'').next().unwrap().to_owned());
        open.extend(imports.filter(|import| !seen.contains(import)));
        seen.push(name);
    }
    for name in [
        "nothing.js",
        "../Cargo.toml",
        "%2e%2e/Cargo.toml",
        "api/other",
        "/etc/passwd",
    ] {
        assert_eq!(server.get(name).status, 404, "{name}");
    }
}

#[test]
fn values_are_those_that_decoding_gives() {
    let server = start();
    let bytes = encoded();
    let decoder = Decoder::new(&bytes).unwrap();
    let frame = decoder.only_frame().unwrap();
    for level in 0..=frame.coarsest_level().unwrap() {
        let answer = server.get(&format!("api/values?file=0&frame=0&level={level}"));
        assert!(answer.head.contains("x-srt-type: f32"));
        let mut expected = frame.level(level).read::<f32>().unwrap().into_data();
        for value in &mut expected {
            if *value == MASK {
                *value = f32::NAN;
            }
        }
        let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&answer.floats()), bits(&expected));
    }
    let region = Region {
        start: [3, 0, 7],
        size: [1, 32, 5],
    };
    let plane = server.get("api/values?file=0&frame=0&level=0&box=3,0,7,1,32,5");
    let expected = frame.region(region).read::<f32>().unwrap();
    assert_eq!(plane.floats(), expected.data());
    let error = server.get("api/values?file=0&frame=0&level=0&box=3,0,7,1,32,5&what=error");
    let original = field().crop(region).unwrap();
    let pairs = expected.data().iter().zip(original.data());
    let difference: Vec<f32> = pairs
        .map(|(a, b)| (f64::from(*a) - f64::from(*b)) as f32)
        .collect();
    assert_eq!(error.floats(), difference);
    assert!(difference.iter().all(|e| e.abs() <= 1e-3));
}

#[test]
fn files_and_frames_are_described() {
    let server = start();
    let files: serde_json::Value = serde_json::from_slice(&server.get("api/files").body).unwrap();
    let whole = &files["files"][0];
    assert_eq!(whole["dataset"]["shape"], serde_json::json!([24, 32, 40]));
    assert_eq!(whole["dataset"]["fields"][0]["name"], "u \"<b>");
    assert_eq!(whole["dataset"]["frames"][0]["hasOriginal"], true);
    let cut = files["files"][1]["error"].as_str().unwrap();
    assert!(cut.contains("cut.srt"), "{cut}");
    let answer = server.get("api/frame?file=0&frame=0");
    let frame: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(frame["levels"][0]["dims"], serde_json::json!([24, 32, 40]));
    assert_eq!(
        frame["bound"],
        serde_json::json!({"kind": "max_error", "value": 1e-3})
    );
}

#[test]
fn what_cannot_be_given_is_said_in_words() {
    let server = start();
    for (path, status) in [
        ("api/values?file=0&frame=0&level=99", 400),
        ("api/values?file=0&frame=9&level=0", 400),
        ("api/values?file=9&frame=0&level=0", 400),
        ("api/values?file=0&frame=0", 400),
        ("api/values", 400),
        ("api/frame?file=0&frame=-1", 400),
        ("api/values?file=0&frame=0&level=0&box=0,0,0,1,1,41", 400),
        ("api/values?file=0&frame=0&level=0&box=0,0,0,0,1,1", 400),
        (
            "api/values?file=0&frame=0&level=0&box=0,0,18446744073709551615,1,1,2",
            400,
        ),
        ("api/values?file=0&frame=0&level=1&what=error", 400),
        ("api/values?file=1&frame=0&level=0", 422),
        ("api/frame?file=1&frame=0", 422),
        ("api/values?file=2&frame=0&level=0", 422),
    ] {
        let answer = server.get(path);
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        let said: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert!(said["error"].as_str().unwrap().len() > 10, "{path}");
    }
}

#[test]
fn malformed_requests_harm_nobody() {
    let server = start();
    for bytes in [
        &b"GET\r\n\r\n"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -4\r\n\r\n",
    ] {
        let answer = server.raw(bytes);
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{bytes:?}");
    }
    // One that says nothing and one that stops half way hold up nobody else.
    let _silent = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    let mut half = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    half.write_all(b"GET / HT").unwrap();
    assert_eq!(server.get("").status, 200);
    assert_eq!(
        server
            .ask("HEAD", &format!("/{}/", server.token), &server.host())
            .body,
        b""
    );
}
