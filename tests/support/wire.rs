//! A wire tap: stands between the binary and a service, and keeps every byte.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What went through, by direction.
#[derive(Default)]
struct Tape {
    asked: Vec<u8>,
    answered: Vec<u8>,
    connections: usize,
}

/// Forwards to one service for as long as the process lives.
pub struct Wire {
    pub origin: String,
    tape: Arc<Mutex<Tape>>,
}

impl Wire {
    /// In front of `http://HOST:PORT`.
    pub fn to(target: &str) -> Wire {
        let target = target.trim_start_matches("http://").to_string();
        Wire::listening(move |stream, tape| {
            if let Ok(service) = TcpStream::connect(&target) {
                forward(stream, service, tape);
            }
        })
    }

    /// In front of nobody: keeps what it hears and says nothing.
    pub fn deaf() -> Wire {
        Wire::listening(|mut stream, tape| {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = stream.read(&mut bytes) {
                tape.lock().unwrap().asked.extend(&bytes[..count]);
            }
        })
    }

    fn listening(serve: impl Fn(TcpStream, Arc<Mutex<Tape>>) + Send + Sync + 'static) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let (tape, serve) = (Arc::<Mutex<Tape>>::default(), Arc::new(serve));
        let kept = Arc::clone(&tape);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                tape.lock().unwrap().connections += 1;
                let (tape, serve) = (Arc::clone(&tape), Arc::clone(&serve));
                std::thread::spawn(move || serve(stream, tape));
            }
        });
        Wire { origin, tape: kept }
    }

    /// How often somebody connected.
    pub fn connections(&self) -> usize {
        self.tape.lock().unwrap().connections
    }

    /// The request lines, in order.
    pub fn requests(&self) -> Vec<String> {
        let asked = self.asked();
        let lines = asked
            .lines()
            .filter_map(|line| line.strip_suffix(" HTTP/1.1"));
        lines.map(str::to_string).collect()
    }

    pub fn asked(&self) -> String {
        String::from_utf8_lossy(&self.tape.lock().unwrap().asked).into_owned()
    }

    pub fn answered(&self) -> String {
        String::from_utf8_lossy(&self.tape.lock().unwrap().answered).into_owned()
    }
}

fn forward(client: TcpStream, service: TcpStream, tape: Arc<Mutex<Tape>>) {
    let (from, to) = (client.try_clone().unwrap(), service.try_clone().unwrap());
    let kept = Arc::clone(&tape);
    let answers = std::thread::spawn(move || {
        copy(service, client, |bytes| {
            kept.lock().unwrap().answered.extend(bytes)
        });
    });
    copy(from, to, |bytes| tape.lock().unwrap().asked.extend(bytes));
    let _ = answers.join();
}

fn copy(mut from: TcpStream, mut to: TcpStream, keep: impl Fn(&[u8])) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        keep(&bytes[..count]);
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
