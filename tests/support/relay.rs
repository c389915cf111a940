//! A way to a server that ends at some time.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// What becomes of the requests behind the last good one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// 503, to each of them.
    Busy,
    /// Nobody listens any more, and every connection ends.
    Refused,
    /// The same, in the middle of an answer.
    Torn,
}

/// Hands on so many requests.
pub struct Relay {
    pub origin: String,
    way: Arc<Way>,
}

struct Way {
    to: String,
    most: usize,
    end: End,
    seen: AtomicUsize,
    listener: Mutex<Option<TcpListener>>,
    open: Mutex<Vec<TcpStream>>,
}

impl Relay {
    /// `to` is an origin.
    pub fn new(to: &str, most: usize, end: End) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let way = Arc::new(Way {
            to: to
                .trim_start_matches("http://")
                .trim_end_matches('/')
                .into(),
            most,
            end,
            seen: AtomicUsize::default(),
            listener: Mutex::new(Some(listener.try_clone().unwrap())),
            open: Mutex::default(),
        });
        let own = Arc::clone(&way);
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept()
                && !own.is_closed()
            {
                let own = Arc::clone(&own);
                std::thread::spawn(move || own.serve(stream));
            }
        });
        Relay { origin, way }
    }

    /// How many requests have come.
    pub fn seen(&self) -> usize {
        self.way.seen.load(Ordering::Relaxed)
    }
}

impl Way {
    fn is_closed(&self) -> bool {
        self.listener.lock().unwrap().is_none()
    }

    fn serve(&self, mut stream: TcpStream) {
        let Ok(mut server) = TcpStream::connect(&self.to) else {
            return;
        };
        self.open.lock().unwrap().push(stream.try_clone().unwrap());
        while let Some(request) = message(&mut stream) {
            let number = self.seen.fetch_add(1, Ordering::Relaxed);
            if number < self.most || self.end == End::Torn && number == self.most {
                server.write_all(&request).unwrap();
                let Some(answer) = message(&mut server) else {
                    return;
                };
                let half = if number < self.most {
                    answer.len()
                } else {
                    answer.len() / 2
                };
                let _ = stream.write_all(&answer[..half]);
                if half == answer.len() {
                    continue;
                }
            }
            if self.end == End::Busy {
                let _ = stream.write_all(b"HTTP/1.1 503 x\r\ncontent-length: 0\r\n\r\n");
                continue;
            }
            return self.close();
        }
    }

    fn close(&self) {
        let listener = self.listener.lock().unwrap().take();
        if let Some(listener) = listener {
            // Whoever waits at it is woken, and closes it.
            let _ = TcpStream::connect(listener.local_addr().unwrap());
        }
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// A head, and what it says that follows.
fn message(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    until(stream, &mut bytes, b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
    let said = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
    if said("transfer-encoding:").is_some() {
        loop {
            let mut size = Vec::new();
            until(stream, &mut size, b"\r\n")?;
            let text = String::from_utf8_lossy(&size);
            let length = usize::from_str_radix(text.trim(), 16).unwrap();
            bytes.append(&mut size);
            exactly(stream, &mut bytes, length + 2)?;
            if length == 0 {
                return Some(bytes);
            }
        }
    }
    let length = said("content-length:").map_or(0, |length| length.trim().parse().unwrap());
    exactly(stream, &mut bytes, length)?;
    Some(bytes)
}

fn until(stream: &mut TcpStream, bytes: &mut Vec<u8>, end: &[u8]) -> Option<()> {
    while !bytes.ends_with(end) {
        exactly(stream, bytes, 1)?;
    }
    Some(())
}

fn exactly(stream: &mut TcpStream, bytes: &mut Vec<u8>, length: usize) -> Option<()> {
    let mut more = vec![0; length];
    stream.read_exact(&mut more).ok()?;
    bytes.append(&mut more);
    Some(())
}
