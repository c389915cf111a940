//! Signals that ask a command to stop. The binary's handler writes them down here, and nothing else; the command looks
//! before each request, several times a second while it waits, and while it reads standard input.

use std::io::{self, ErrorKind, Read};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use time::OffsetDateTime;

use super::args::Args;
use super::say::tell;
use super::settings::Settings;
use crate::exchange::{Clock, SystemClock, locked};
use crate::show::quote;

/// The number of the signal of Ctrl-C.
pub const CTRL_C: u32 = 2;

/// How often a command that waits looks for a signal.
const SLICE: Duration = Duration::from_millis(50);

/// What the handler of the binary writes: 0 until a signal came.
#[derive(Debug)]
pub struct Interrupt {
    signal: AtomicU32,
    /// Whether later signals are written down too. Otherwise the second one ends the program.
    is_runner: AtomicBool,
    /// Sends a signal to a process, both by number.
    send: fn(u32, u32),
}

impl Interrupt {
    /// Without a signal so far; `send` sends a signal to a process, both by number: first the process.
    pub const fn new(send: fn(u32, u32)) -> Interrupt {
        Interrupt {
            signal: AtomicU32::new(0),
            is_runner: AtomicBool::new(false),
            send,
        }
    }

    /// Writes a signal down. Whether the next one shall be written down, too; safe in a handler.
    pub fn raise(&self, signal: u32) -> bool {
        self.signal.store(signal, Ordering::Relaxed);
        self.is_runner.load(Ordering::Relaxed)
    }
}

static INSTALLED: OnceLock<&'static Interrupt> = OnceLock::new();

/// From now on this is looked at.
pub fn install(interrupt: &'static Interrupt) {
    let _ = INSTALLED.set(interrupt);
}

/// The signal that came, by number.
pub fn signal() -> Option<u32> {
    let signal = INSTALLED.get()?.signal.load(Ordering::Relaxed);
    (signal != 0).then_some(signal)
}

/// Whether a signal came.
pub fn is_raised() -> bool {
    signal().is_some()
}

/// Whether there is a handler; not on Windows, and not in a program that uses the library.
pub fn is_installed() -> bool {
    INSTALLED.get().is_some()
}

/// From now on every signal is written down and none ends the program: for a command that runs another one.
pub fn hold() {
    if let Some(interrupt) = INSTALLED.get() {
        interrupt.is_runner.store(true, Ordering::Relaxed);
    }
}

/// The signal that came, which from now on has not come.
pub fn take() -> Option<u32> {
    let interrupt = INSTALLED.get()?;
    let signal = interrupt.signal.swap(0, Ordering::Relaxed);
    (signal != 0).then_some(signal)
}

/// Sends a signal to another process.
pub fn send(process: u32, signal: u32) {
    if let Some(interrupt) = INSTALLED.get() {
        (interrupt.send)(process, signal);
    }
}

/// Waits until a signal comes.
pub fn wait() {
    while !is_raised() {
        std::thread::sleep(SLICE);
    }
}

/// The exit code of a command that a signal stopped.
pub fn code(signal: u32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(130)
}

/// What a signal is called.
pub fn name(signal: u32) -> &'static str {
    match signal {
        1 => "SIGHUP",
        15 => "SIGTERM",
        _ => "SIGINT",
    }
}

/// The machine's clock, whose sleep ends with a signal.
#[derive(Debug, Clone, Copy, Default)]
pub struct InterruptibleClock;

impl Clock for InterruptibleClock {
    fn now(&self) -> OffsetDateTime {
        SystemClock.now()
    }

    fn sleep(&self, wait: Duration) {
        let mut left = wait;
        while !left.is_zero() && !is_raised() {
            let slice = left.min(SLICE);
            SystemClock.sleep(slice);
            left -= slice;
        }
    }

    fn is_interrupted(&self) -> bool {
        is_raised()
    }
}

// ---- Standard input

/// Standard input, whose reads end with a signal: a thread reads ahead, because a read that waits cannot be ended.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stdin;

struct Ahead {
    chunks: Receiver<io::Result<Vec<u8>>>,
    /// What was received and not read yet.
    rest: io::Cursor<Vec<u8>>,
}

static AHEAD: OnceLock<Mutex<Ahead>> = OnceLock::new();

fn begin_reading() -> Mutex<Ahead> {
    let (to, chunks) = sync_channel(1);
    std::thread::spawn(move || {
        loop {
            let mut chunk = vec![0; 64 << 10];
            let read = io::stdin().lock().read(&mut chunk);
            let chunk = read.map(|length| {
                chunk.truncate(length);
                chunk
            });
            let is_over = chunk.as_ref().map_or(true, Vec::is_empty);
            if to.send(chunk).is_err() || is_over {
                return;
            }
        }
    });
    Mutex::new(Ahead {
        chunks,
        rest: io::Cursor::default(),
    })
}

impl Read for Stdin {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if INSTALLED.get().is_none() {
            return io::stdin().read(room);
        }
        let mut ahead = locked(AHEAD.get_or_init(begin_reading));
        loop {
            let some = ahead.rest.read(room)?;
            if some > 0 {
                return Ok(some);
            }
            match ahead.chunks.recv_timeout(SLICE) {
                Ok(chunk) => {
                    let chunk = chunk?;
                    if chunk.is_empty() {
                        return Ok(0);
                    }
                    ahead.rest = io::Cursor::new(chunk);
                }
                Err(RecvTimeoutError::Timeout) if is_raised() => {
                    return Err(io::Error::other("interrupted"));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
            }
        }
    }
}

/// A line of standard input, without what follows it. Nothing at its end, or where a signal came.
pub fn line() -> Option<String> {
    let (mut line, mut next) = (Vec::new(), [0]);
    loop {
        match Stdin.read(&mut next) {
            Ok(0) if line.is_empty() => return None,
            Ok(0) => break,
            Ok(_) if next == *b"\n" => break,
            Ok(_) => line.extend(next),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    String::from_utf8(line).ok()
}

// ---- What is said at the end

/// Says that a signal ended the command, and which command line goes on.
pub fn tell_end(settings: &Settings, signal: u32, is_done: bool) {
    if is_done {
        return tell(&format!("{} came when everything was done", name(signal)));
    }
    tell(&format!("interrupted by {}", name(signal)));
    if let Some(next) = next(settings) {
        tell(&next);
    }
}

/// How another run goes on.
fn next(settings: &Settings) -> Option<String> {
    let args = settings.args();
    let words: Vec<&str> = args.words.iter().map(String::as_str).collect();
    let has_state = settings.text("state").is_some() || settings.text("continuation").is_some();
    let line = command_line(args);
    match words.as_slice() {
        ["import" | "export" | "changes" | "query", ..] if has_state => {
            Some(format!("to go on where it stopped: {line}"))
        }
        ["import", ..] if settings.text("mode").is_none_or(|mode| mode == "create") => Some(
            format!("to go on without what is there: {line} --mode skip-existing"),
        ),
        ["import", ..] => Some(format!("to start again: {line}")),
        ["export" | "changes" | "query", ..] => Some(format!(
            "to start again: {line}\nwith --state FILE an interrupted run is gone on with"
        )),
        _ => None,
    }
}

/// The words of the command line, for a shell. No secret is ever among them.
pub fn command_line(args: &Args) -> String {
    let mut line = String::from("rawcosmos");
    for word in &args.words {
        line = line + " " + &quote(word);
    }
    for (name, value) in &args.options {
        line = line + " --" + name;
        if let Some(value) = value {
            line = line + "=" + &quote(value);
        }
    }
    for word in &args.rest {
        line = line + " " + &quote(&word.to_string_lossy());
    }
    line
}
