//! A listener, a thread for each of its connections, and the end of all of them.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use time::OffsetDateTime;

use super::receive::{Received, Receiver};
use super::send::{Delivery, Framing, Reply, send};
use super::{Request, Response};

/// Further connections wait in the backlog of the socket.
const CONNECTIONS: usize = 256;
const IDLE: Duration = Duration::from_secs(60);
const LAST_WORDS: Duration = Duration::from_millis(500);
/// A client of HTTP/2 tells nobody of an answer that comes before its question.
const OTHER_VERSION: (u16, Duration) = (505, Duration::from_millis(30));

/// What is served on one port.
pub struct Plane {
    /// Longest body in bytes.
    pub body_limit: usize,
    /// The answer to a longer one.
    pub too_large: fn() -> Response,
    /// Bodies of answers are sent in chunks.
    pub chunked: bool,
    /// The clock of the service.
    pub clock: Box<dyn Fn() -> OffsetDateTime + Send + Sync>,
    /// The service.
    pub answer: Box<dyn Fn(&Request) -> Reply + Send + Sync>,
}

/// A plane being served; the end of the value is the end of the service.
pub struct Listener {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    plane: Plane,
    stopping: AtomicBool,
    open: Mutex<BTreeMap<u64, TcpStream>>,
    changed: Condvar,
}

impl Listener {
    /// Serves a plane on a loopback port that has been bound.
    pub fn serve(listener: TcpListener, plane: Plane) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            plane,
            stopping: AtomicBool::new(false),
            open: Mutex::default(),
            changed: Condvar::new(),
        });
        let accepting = Some(spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        })?);
        Ok(Self {
            address,
            shared,
            accepting,
        })
    }

    /// Binds a port of the loopback interface; 0 is any.
    pub fn bind(port: u16) -> io::Result<TcpListener> {
        TcpListener::bind((Ipv4Addr::LOCALHOST, port))
    }

    /// Binds so many ports from that one on, or any; the error names the one that is not to be had.
    pub fn bind_all(first: u16, count: u16) -> io::Result<Vec<TcpListener>> {
        let bind = |index: u16| {
            let port = match first {
                0 => Some(0),
                _ => first.checked_add(index),
            };
            let wanted = u32::from(first) + u32::from(index);
            let bound = port.map_or(Err(io::ErrorKind::AddrNotAvailable.into()), Self::bind);
            bound.map_err(|error| io::Error::new(error.kind(), format!("port {wanted}: {error}")))
        };
        (0..count).map(bind).collect()
    }

    /// Blocks until the service ends.
    pub fn wait(&self) {
        let stopped = |_: &mut BTreeMap<u64, TcpStream>| !self.shared.stopping();
        drop(self.shared.changed.wait_while(self.shared.open(), stopped));
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        for stream in self.shared.open().values() {
            // A connection that is gone already is what is wanted.
            let _ = stream.shutdown(Shutdown::Both);
        }
        self.shared.changed.notify_all();
        // accept() returns for a connection, even for one nobody will use.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        let open = self.shared.open();
        let patience = Duration::from_secs(5);
        drop(
            self.shared
                .changed
                .wait_timeout_while(open, patience, |open| !open.is_empty()),
        );
    }
}

impl Shared {
    fn stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<u64, TcpStream>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for room and enters the connection, so that a stop finds it.
    fn enter(&self, id: u64, stream: &TcpStream) -> io::Result<()> {
        let full =
            |open: &mut BTreeMap<u64, TcpStream>| open.len() >= CONNECTIONS && !self.stopping();
        let open = self.changed.wait_while(self.open(), full);
        let mut open = open.unwrap_or_else(PoisonError::into_inner);
        open.insert(id, stream.try_clone()?);
        Ok(())
    }

    fn leave(&self, id: u64) {
        self.open().remove(&id);
        self.changed.notify_all();
    }

    fn crowded(&self) -> bool {
        self.open().len() >= CONNECTIONS
    }
}

/// Leaves even if a handler panics.
struct Entered {
    shared: Arc<Shared>,
    id: u64,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.shared.leave(self.id);
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new()
        .name("sandbox".to_owned())
        .spawn(work)
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for (id, stream) in (0..).zip(listener.incoming()) {
        if shared.stopping() {
            return;
        }
        let Ok(stream) = stream else {
            // Out of file descriptors, most likely: some will be closed soon.
            thread::sleep(Duration::from_millis(20));
            continue;
        };
        if shared.enter(id, &stream).is_err() {
            continue;
        }
        let entered = Entered {
            shared: Arc::clone(shared),
            id,
        };
        // Where no thread is to be had the connection is closed, which is what is left to say.
        let _ = spawn(move || {
            let _ = converse(stream, &entered.shared);
        });
    }
}

fn converse(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(IDLE))?;
    stream.set_write_timeout(Some(IDLE))?;
    let mut receiver = Receiver::new(stream.try_clone()?, shared.plane.body_limit);
    while !shared.stopping() {
        let request = match receiver.next(shared.plane.too_large) {
            Received::Request(request) => request,
            Received::Closed => return Ok(()),
            Received::Refused(answer) => return refuse(stream, receiver, shared, answer),
        };
        let reply = (shared.plane.answer)(&request);
        pause(shared, reply.delay);
        let resets = reply.delivery == Delivery::Reset;
        if !resets {
            receiver.take_rest()?;
        }
        let framing = Framing {
            head_only: request.method == "HEAD",
            last: receiver.last || shared.crowded(),
            chunked: shared.plane.chunked && !receiver.old,
            ..framing(shared)
        };
        if !send(&mut stream, &reply, framing)? {
            // Closed with something unread, a connection is reset.
            return if resets {
                Ok(())
            } else {
                stream.shutdown(Shutdown::Both)
            };
        }
    }
    Ok(())
}

fn framing(shared: &Shared) -> Framing {
    Framing {
        date: (shared.plane.clock)(),
        head_only: false,
        chunked: false,
        last: true,
        off: 0,
    }
}

fn refuse(
    mut stream: TcpStream,
    mut receiver: Receiver,
    shared: &Shared,
    answer: Response,
) -> io::Result<()> {
    if answer.status == OTHER_VERSION.0 {
        pause(shared, OTHER_VERSION.1);
    }
    send(&mut stream, &Reply::from(answer), framing(shared))?;
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(LAST_WORDS))?;
    receiver.drain();
    Ok(())
}

/// Sleeps in pieces, for a stop not to wait for it.
fn pause(shared: &Shared, delay: Duration) {
    let end = Instant::now() + delay;
    while !shared.stopping() {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        thread::sleep(left.min(Duration::from_millis(20)));
    }
}
