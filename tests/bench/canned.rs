//! A server that has every answer ready, so that what is measured is the client.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

/// A request: its head as it came, and its body.
pub struct Asked {
    pub head: String,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub fn number(&self, name: &str) -> Option<usize> {
        self.header(name)?.parse().ok()
    }
}

/// Answers for as long as the process lives; returns the origin. The answer is head and body as they are sent.
pub fn serve(answer: impl Fn(&Asked, &mut dyn Write) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || one(&stream, &*answer));
        }
    });
    origin
}

fn one(stream: &TcpStream, answer: &dyn Fn(&Asked, &mut dyn Write)) {
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::with_capacity(256 * 1024, stream);
    let mut out = Vec::new();
    let mut asked = Asked {
        head: String::new(),
        body: Vec::new(),
    };
    while read(&mut reader, &mut asked).is_some() {
        out.clear();
        answer(&asked, &mut out);
        let mut stream = stream;
        if stream.write_all(&out).is_err() {
            return;
        }
    }
}

fn read(reader: &mut BufReader<&TcpStream>, asked: &mut Asked) -> Option<()> {
    asked.head.clear();
    while !asked.head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut asked.head).ok()? == 0 {
            return None;
        }
    }
    asked
        .body
        .resize(asked.number("content-length").unwrap_or(0), 0);
    reader.read_exact(&mut asked.body).ok()
}

/// Writes an answer with the headers that the service sends with all of them.
pub fn reply(to: &mut dyn Write, status: u16, headers: &str, body: &[u8]) {
    let length = body.len();
    write!(
        to,
        "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\nserver: Microsoft-HTTPAPI/2.0\r\ndate: Tue, 01 Nov 1994 08:12:31 GMT\r\nx-ms-activity-id: 856acd38-320d-47df-ab6f-9761bb987668\r\nx-ms-request-charge: 1\r\nx-ms-session-token: 0:-1#12\r\nx-ms-schemaversion: 1.18\r\nlsn: 12\r\nx-ms-serviceversion: version=2.14.0.0\r\nx-ms-gatewayversion: version=2.14.0\r\n{headers}content-length: {length}\r\n\r\n"
    )
    .unwrap();
    to.write_all(body).unwrap();
}
