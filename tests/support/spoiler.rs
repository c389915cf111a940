//! A relay before a server that spoils answers: what it says instead of them, and whether the server was asked at all.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What is sent instead of an answer, and whether the connection ends there.
type Spoil = dyn Fn(&[u8]) -> (Vec<u8>, bool) + Send + Sync;

/// How an answer is spoiled.
pub struct Way {
    pub name: String,
    pub spoil: Box<Spoil>,
    /// It is made of the server's own answer.
    pub needs_answer: bool,
}

/// Which requests are answered like that.
pub struct Armed {
    pub way: Arc<Way>,
    /// All of these stand in the request.
    pub needles: Vec<String>,
    /// How many of them.
    pub count: usize,
    /// Whether the server is asked before.
    pub applied: bool,
}

pub struct Spoiler {
    pub origin: String,
    armed: Arc<Mutex<Option<Armed>>>,
}

impl Spoiler {
    /// `to` is an origin.
    pub fn new(to: &str) -> Spoiler {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let armed = Arc::<Mutex<Option<Armed>>>::default();
        let host = to.trim_start_matches("http://").trim_end_matches('/');
        let (host, own) = (host.to_string(), Arc::clone(&armed));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (host, armed) = (host.clone(), Arc::clone(&own));
                std::thread::spawn(move || serve(stream, &host, &armed));
            }
        });
        Spoiler { origin, armed }
    }

    pub fn arm(&self, armed: Armed) {
        *self.armed.lock().unwrap() = Some(armed);
    }

    /// How many of the requests did not come.
    pub fn disarm(&self) -> usize {
        let armed = self.armed.lock().unwrap().take();
        armed.map_or(0, |armed| armed.count)
    }
}

fn serve(mut stream: TcpStream, host: &str, armed: &Mutex<Option<Armed>>) {
    let _ = stream.set_nodelay(true);
    let Ok(mut server) = TcpStream::connect(host) else {
        return;
    };
    let _ = server.set_nodelay(true);
    let (mut asked_more, mut answered_more) = (Vec::new(), Vec::new());
    while let Some(request) = message(&mut stream, &mut asked_more) {
        let spoiled = chosen(armed, &request);
        let asked = spoiled.as_ref().is_none_or(|(_, applied)| *applied);
        let mut own = Vec::new();
        if asked {
            if server.write_all(&request).is_err() {
                return;
            }
            let Some(answer) = message(&mut server, &mut answered_more) else {
                return;
            };
            own = answer;
        }
        let (bytes, ends) = match &spoiled {
            Some((way, _)) => (way.spoil)(&own),
            None => (own, false),
        };
        if stream.write_all(&bytes).is_err() || ends {
            return;
        }
    }
}

/// A head and its body; what came behind it is kept for the next one. Some statuses have no body, whatever length they name.
fn message(stream: &mut TcpStream, kept: &mut Vec<u8>) -> Option<Vec<u8>> {
    let mut part = [0; 16 * 1024];
    let mut whole = None;
    loop {
        let head = kept.windows(4).position(|four| four == b"\r\n\r\n");
        if let (None, Some(head)) = (whole, head) {
            let text = String::from_utf8_lossy(&kept[..head]).to_ascii_lowercase();
            let length = text
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"));
            let length = length.map_or(0, |length| length.trim().parse().unwrap());
            let bodiless = ["204", "304"].contains(&text.get(9..12)?);
            if text.contains("transfer-encoding: chunked") {
                return whole_of_chunks(stream, kept, head + 4);
            }
            whole = Some(head + 4 + if bodiless { 0 } else { length });
        }
        if let Some(whole) = whole.filter(|whole| kept.len() >= *whole) {
            let rest = kept.split_off(whole);
            return Some(std::mem::replace(kept, rest));
        }
        match stream.read(&mut part).ok()? {
            0 => return None,
            read => kept.extend_from_slice(&part[..read]),
        }
    }
}

/// The same of a body in chunks, as a message that names its length.
fn whole_of_chunks(stream: &mut TcpStream, kept: &mut Vec<u8>, start: usize) -> Option<Vec<u8>> {
    let (mut body, mut at, mut part) = (Vec::new(), start, [0; 16 * 1024]);
    loop {
        let line = kept[at..].windows(2).position(|two| two == b"\r\n");
        let size = line.map(|end| String::from_utf8_lossy(&kept[at..at + end]).into_owned());
        let size = size.map(|size| usize::from_str_radix(size.trim(), 16).unwrap());
        if let (Some(line), Some(size)) = (line, size)
            && kept.len() >= at + line + 4 + size
        {
            body.extend_from_slice(&kept[at + line + 2..at + line + 2 + size]);
            at += line + 4 + size;
            if size > 0 {
                continue;
            }
            let head = String::from_utf8_lossy(&kept[..start]).into_owned();
            let lines = head.lines().filter(|line| {
                !line.is_empty() && !line.to_ascii_lowercase().starts_with("transfer-encoding")
            });
            let lines: Vec<&str> = lines.collect();
            let head = format!(
                "{}\r\ncontent-length: {}\r\n\r\n",
                lines.join("\r\n"),
                body.len()
            );
            *kept = kept.split_off(at);
            return Some([head.into_bytes(), body].concat());
        }
        match stream.read(&mut part).ok()? {
            0 => return None,
            read => kept.extend_from_slice(&part[..read]),
        }
    }
}

/// How this request is answered, where it is one of those that are.
fn chosen(armed: &Mutex<Option<Armed>>, request: &[u8]) -> Option<(Arc<Way>, bool)> {
    let mut armed = armed.lock().unwrap();
    let armed = armed.as_mut().filter(|armed| armed.count > 0)?;
    let text = String::from_utf8_lossy(request);
    if !armed.needles.iter().all(|needle| text.contains(needle)) {
        return None;
    }
    armed.count -= 1;
    Some((Arc::clone(&armed.way), armed.applied))
}

/// A whole answer.
pub fn http(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = match (status, body.len()) {
        (204 | 304, 0) => String::new(),
        (_, length) => format!("content-length: {length}\r\n"),
    };
    format!("HTTP/1.1 {status} x\r\n{headers}{length}\r\n{body}").into_bytes()
}

/// The head and the body of an answer.
fn parted(answer: &[u8]) -> (String, Vec<u8>) {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.map_or(answer.len(), |at| at + 4);
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    (head, answer[end..].to_vec())
}

/// An answer with another length in its head.
fn with_length(answer: &[u8], more: i64) -> Vec<u8> {
    let (head, body) = parted(answer);
    let lines = head.lines().map(|line| {
        let said = line.to_ascii_lowercase();
        match said.strip_prefix("content-length:") {
            Some(length) => {
                let length = length.trim().parse::<i64>().unwrap() + more;
                format!("content-length: {}", length.max(0))
            }
            None => line.to_string(),
        }
    });
    let lines: Vec<String> = lines.collect();
    let mut bytes = (lines.join("\r\n") + "\r\n").into_bytes();
    bytes.extend(body);
    bytes
}

/// An answer without the headers that only the service sends.
fn unmarked(answer: &[u8], status: Option<&str>) -> Vec<u8> {
    let (head, body) = parted(answer);
    let mark = |line: &&str| {
        let line = line.to_ascii_lowercase();
        !line.starts_with("x-ms-")
            && !line.starts_with("etag")
            && !line.starts_with("azure-")
            && !line.starts_with("location")
    };
    let mut lines: Vec<&str> = head.lines().filter(mark).collect();
    let first = status.map(|status| format!("HTTP/1.1 {status} x"));
    if let Some(first) = &first {
        lines[0] = first;
    }
    let length = format!("content-length: {}", body.len());
    if !head.to_ascii_lowercase().contains("content-length:") {
        lines.insert(1, &length);
    }
    let mut bytes = (lines.join("\r\n") + "\r\n").into_bytes();
    bytes.extend(body);
    bytes
}

const PAGE: &str = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>x</body></html>";
const ENVOY: &str = "upstream connect error or disconnect/reset before headers";
const OTHER: &str = r#"{"id":"another","pk":"a","v":1,"name":"another"}"#;

fn replaced(name: String, bytes: Vec<u8>) -> Way {
    Way {
        name,
        spoil: Box::new(move |_| (bytes.clone(), false)),
        needs_answer: false,
    }
}

fn changed(name: &str, ends: bool, change: fn(&[u8]) -> Vec<u8>) -> Way {
    Way {
        name: name.into(),
        spoil: Box::new(move |answer| (change(answer), ends)),
        needs_answer: true,
    }
}

/// Every way there is.
pub fn ways() -> Vec<Arc<Way>> {
    let mut ways = Vec::new();
    let bodies = [
        ("nothing", ""),
        ("an empty object", "{}"),
        ("an empty list", "[]"),
        ("null", "null"),
        ("a page", PAGE),
        ("another item", OTHER),
        ("half of an item", r#"{"id":"c"#),
    ];
    for status in [200, 201, 202, 203, 204, 205, 206, 207, 304] {
        for (name, body) in bodies {
            if status == 204 && !body.is_empty() {
                continue;
            }
            ways.push(replaced(
                format!("{status} with {name}"),
                http(status, "", body),
            ));
        }
    }
    let kind = "server: nginx\r\ncontent-type: text/html\r\n";
    for status in [
        300, 302, 307, 308, 408, 410, 429, 449, 500, 501, 502, 503, 504, 507, 511, 520, 599,
    ] {
        for (name, body) in [
            ("nothing", ""),
            ("a page", PAGE),
            ("a line", ENVOY),
            ("a message", r#"{"message":"no"}"#),
        ] {
            ways.push(replaced(
                format!("{status} with {name}"),
                http(status, kind, body),
            ));
        }
    }
    ways.push(replaced(
        "503 that says when".into(),
        http(503, "retry-after: 0\r\n", ENVOY),
    ));
    ways.push(replaced(
        "429 that says when".into(),
        http(429, "retry-after: 0\r\n", ""),
    ));
    ways.push(replaced(
        "200 with a server and no body".into(),
        http(200, "server: nginx\r\n", ""),
    ));
    ways.push(replaced(
        "no HTTP".into(),
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n".to_vec(),
    ));
    ways.push(replaced(
        "a status of letters".into(),
        b"HTTP/1.1 OK\r\n\r\n".to_vec(),
    ));
    ways.push(replaced(
        "a header without a colon".into(),
        b"HTTP/1.1 200 OK\r\nx\r\n\r\n{}".to_vec(),
    ));
    ways.extend(of_connections());
    ways.extend(of_answers());
    ways.into_iter().map(Arc::new).collect()
}

fn of_connections() -> Vec<Way> {
    let ends = |name: &str, bytes: &'static [u8]| Way {
        name: name.into(),
        spoil: Box::new(move |_| (bytes.to_vec(), true)),
        needs_answer: false,
    };
    vec![
        ends("closed", b""),
        ends("closed in the status", b"HTTP/1."),
        ends("closed in the headers", b"HTTP/1.1 201 x\r\ncontent-le"),
        ends(
            "closed before the body",
            b"HTTP/1.1 200 x\r\ncontent-length: 5\r\n\r\n",
        ),
        ends(
            "closed in a chunk",
            b"HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n9\r\n{\"id",
        ),
        ends(
            "a body up to the end",
            b"HTTP/1.1 200 x\r\nconnection: close\r\n\r\n{\"id\":",
        ),
        ends(
            "a chunk of no size",
            b"HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        ),
    ]
}

fn of_answers() -> Vec<Way> {
    vec![
        changed("half of it", true, |answer| {
            answer[..answer.len() / 2].to_vec()
        }),
        changed("all but the last byte", true, |answer| {
            answer[..answer.len() - 1].to_vec()
        }),
        changed("a longer length", true, |answer| with_length(answer, 7)),
        changed("a shorter length", false, |answer| with_length(answer, -7)),
        changed("a length of one", false, |answer| {
            with_length(answer, 1 - 100_000)
        }),
        changed("surplus", false, |answer| [answer, b"surplus"].concat()),
        changed("another answer behind it", false, |answer| {
            [answer.to_vec(), http(200, "", OTHER)].concat()
        }),
        changed("twice", false, |answer| [answer, answer].concat()),
        changed("500 without marks", false, |answer| {
            unmarked(answer, Some("500"))
        }),
        changed("503 without marks", false, |answer| {
            unmarked(answer, Some("503"))
        }),
        changed("202 without marks", false, |answer| {
            unmarked(answer, Some("202"))
        }),
        changed("206 without marks", false, |answer| {
            unmarked(answer, Some("206"))
        }),
        changed("without its body", true, |answer| {
            let (head, _) = parted(&with_length(answer, -10_000_000));
            head.into_bytes()
        }),
        changed("zeros in the body", false, |answer| {
            let (head, body) = parted(answer);
            [head.as_bytes(), &vec![0; body.len()]].concat()
        }),
        changed("bytes that are no UTF-8", false, |answer| {
            let (head, body) = parted(answer);
            [head.as_bytes(), &vec![0xff; body.len()]].concat()
        }),
    ]
}
