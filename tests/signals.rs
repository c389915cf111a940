//! Ctrl-C, SIGTERM and SIGHUP: what a command says, leaves behind and ends with.
#![cfg(all(feature = "sandbox", unix))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::{BINARY, Owned, Place, Run, Scratch};

struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        let path = PathBuf::from(format!("{}.signals", Scratch::new("").path()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn names(&self) -> Vec<String> {
        let found = fs::read_dir(&self.0).unwrap();
        let names = found.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A command that runs in the folder.
struct Running {
    child: Owned,
    begun: Instant,
}

fn start(folder: &Folder, run: Run) -> Running {
    let mut command = run.command();
    command
        .current_dir(&folder.0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Running {
        child: Owned(command.spawn().unwrap()),
        begun: Instant::now(),
    }
}

fn orders(place: &Place, line: &str) -> Run {
    place
        .prepare(line)
        .env("RAWCOSMOS_DATABASE_NAME", "shop")
        .env("RAWCOSMOS_CONTAINER_NAME", "orders")
}

fn send(child: &Child, signal: &str) {
    let sent = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

impl Running {
    fn signal(&self, signal: &str) -> &Running {
        send(&self.child.0, signal);
        self
    }

    fn until(&self, done: impl Fn() -> bool) -> &Running {
        while !done() {
            assert!(self.begun.elapsed().as_secs() < 30, "it never comes");
            std::thread::sleep(Duration::from_millis(5));
        }
        self
    }

    /// Exit code, and what it said.
    fn ends(mut self) -> (Option<i32>, String, String) {
        let (mut out, mut err) = (String::new(), String::new());
        let to_out = self.child.0.stdout.take().unwrap();
        let to_err = self.child.0.stderr.take().unwrap();
        { to_out }.read_to_string(&mut out).unwrap();
        { to_err }.read_to_string(&mut err).unwrap();
        (self.child.0.wait().unwrap().code(), out, err)
    }
}

const SIGNALS: [(&str, i32, &str); 3] = [
    ("-INT", 130, "SIGINT"),
    ("-TERM", 143, "SIGTERM"),
    ("-HUP", 129, "SIGHUP"),
];

#[track_caller]
fn holds(text: &str, words: &str) {
    assert!(text.contains(words), "no {words:?} in {text}");
}

#[test]
fn a_signal_stops_a_command_which_says_what_was_done_and_how_to_go_on() {
    let place = Place::furnished(&[]);
    place.orders(r#"item create -b '{"id":"1","pk":"a"}'"#).ok();
    for (signal, code, name) in SIGNALS {
        let folder = Folder::new();
        let running = start(&folder, orders(&place, "changes --follow --state s"));
        running
            .until(|| folder.0.join("s").exists() && running_for(&running, 1000))
            .signal(signal);
        let begun = Instant::now();
        let (ended, out, err) = running.ends();
        assert!(begun.elapsed() < Duration::from_secs(10));
        assert_eq!(ended, Some(code), "{err}");
        holds(&out, "\"id\":\"1\"");
        holds(&err, &format!("interrupted by {name}\n"));
        holds(&err, "until then: 1 item");
        holds(
            &err,
            "to go on where it stopped: rawcosmos changes --follow --state=s\n",
        );
        assert_eq!(folder.names(), ["s"]);
    }
}

#[test]
fn a_signal_stops_an_export_and_its_temporary_file_goes() {
    let place = Place::furnished(&[]);
    place.orders(r#"item create -b '{"id":"1","pk":"a"}'"#).ok();
    place.fault("feed.delay=500ms");
    for (line, left, next) in [
        (
            "export out --parallel 1",
            &[][..],
            "to start again: rawcosmos export out --parallel=1\n",
        ),
        (
            "export out --parallel 1 --state s",
            &["out.partial", "s"],
            "to go on where it stopped: rawcosmos export out --parallel=1 --state=s\n",
        ),
    ] {
        let folder = Folder::new();
        let running = start(&folder, orders(&place, line));
        running.until(|| !folder.names().is_empty() && running_long(&running));
        let (ended, _, err) = {
            running.signal("-TERM");
            running
        }
        .ends();
        assert_eq!(ended, Some(143), "{err}");
        assert_eq!(folder.names(), left, "{err}");
        holds(&err, next);
    }
}

/// The handler is there by then.
fn running_long(running: &Running) -> bool {
    running_for(running, 200)
}

fn running_for(running: &Running, ms: u64) -> bool {
    running.begun.elapsed() > Duration::from_millis(ms)
}

#[test]
fn an_operation_that_goes_on_is_named_with_how_to_look_at_it() {
    let place = Place::furnished(&[]);
    let folder = Folder::new();
    place.fault("arm.delay=400ms");
    let line = "container create -d shop -n late -p /pk";
    let running = start(&folder, place.prepare(line));
    let made = || {
        place
            .sandbox
            .with_world(|world| world.databases["shop"].containers.contains_key("late"))
    };
    running
        .until(|| running_for(&running, 1000) || made())
        .signal("-INT");
    let (ended, _, err) = running.ends();
    assert_eq!(ended, Some(130), "{err}");
    holds(&err, "container late");
    let looked = err.contains("rawcosmos container show");
    assert!(looked || err.contains("container late was made"), "{err}");
    holds(&err, "interrupted by SIGINT");
}

#[test]
fn an_import_that_waits_for_its_input_is_stopped_too() {
    let place = Place::furnished(&[]);
    let folder = Folder::new();
    let mut running = start(&folder, orders(&place, "import - --state s"));
    let mut input = running.child.0.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, b"{\"id\":\"1\",\"pk\":\"a\"}\n").unwrap();
    running.until(|| place.orders("item read -i 1 -k a").code == 0);
    running.signal("-INT");
    let (ended, out, err) = running.ends();
    assert_eq!(ended, Some(130), "{err}");
    holds(&out, "\"created\":1");
    holds(
        &err,
        "to go on where it stopped: rawcosmos import - --state=s",
    );
    drop(input);
}

#[test]
fn the_second_signal_ends_it_at_once() {
    let place = Place::furnished(&["read.delay=20s"]);
    let folder = Folder::new();
    let running = start(&folder, orders(&place, "item read -i 1 -k a"));
    running.until(|| running_long(&running)).signal("-INT");
    std::thread::sleep(Duration::from_millis(100));
    running.signal("-TERM");
    let mut running = running;
    assert_eq!(running.child.0.wait().unwrap().signal(), Some(15));
    assert!(running.begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_signal_that_is_ignored_stays_ignored() {
    let place = Place::furnished(&["ranges.delay=700ms"]);
    let folder = Folder::new();
    let whole = orders(&place, "ranges").command();
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "trap '' HUP; exec \"$0\" \"$@\"", BINARY]);
    command.args(whole.get_args()).env_clear();
    command.envs(
        whole
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    command.current_dir(&folder.0).stdout(Stdio::null());
    let child = Owned(command.spawn().unwrap());
    std::thread::sleep(Duration::from_millis(250));
    send(&child.0, "-HUP");
    let mut child = child;
    assert_eq!(child.0.wait().unwrap().code(), Some(0));
}

// ---- The runner

#[test]
fn a_runner_outlives_ctrl_c_and_passes_other_signals_on() {
    for (signal, passed) in [("-INT", false), ("-TERM", true), ("-HUP", true)] {
        let folder = Folder::new();
        let script = "trap 'exit 7' TERM; trap 'exit 7' HUP; echo ready; \
                      n=0; while [ $n -lt 20 ]; do sleep 0.1; n=$((n+1)); done; exit 8";
        let words = [
            "sandbox", "run", "--host", "arc", "--", "/bin/sh", "-c", script,
        ];
        let run = Run::new(words)
            .env("TMPDIR", &folder.0)
            .env("PATH", "/usr/bin:/bin");
        let mut running = start(&folder, run);
        let mut out = BufReader::new(running.child.0.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        assert_eq!(folder.names().len(), 1);
        running.signal(signal);
        if !passed {
            std::thread::sleep(Duration::from_millis(100));
            running.signal(signal);
        }
        let code = running.child.0.wait().unwrap().code();
        assert_eq!(code, Some(if passed { 7 } else { 8 }), "{signal}");
        assert!(folder.names().is_empty(), "{signal}: {:?}", folder.names());
    }
}

#[test]
fn a_sandbox_that_is_stopped_leaves_no_folder() {
    for (signal, code, _) in SIGNALS {
        let folder = Folder::new();
        let run = Run::line("sandbox start --port 0 --host arc").env("TMPDIR", &folder.0);
        let mut running = start(&folder, run);
        let mut out = BufReader::new(running.child.0.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        assert_eq!(folder.names().len(), 1);
        running.signal(signal);
        assert_eq!(running.child.0.wait().unwrap().code(), Some(code));
        assert!(folder.names().is_empty(), "{signal}");
    }
}
