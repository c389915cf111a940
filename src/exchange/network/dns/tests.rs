//! The resolver against name servers on loopback, one address each.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;

use super::*;

const A: u16 = 1;
const AAAA: u16 = 28;

/// What a server does with a question.
#[derive(Clone, Debug)]
enum Does {
    Silent,
    Code(u8),
    Says(Vec<Vec<u8>>),
    /// In a datagram only that it does not fit; over TCP the records.
    Truncates(Vec<Vec<u8>>),
    Raw(Vec<u8>),
    /// With another id, before the right answer.
    BehindAForgery(Vec<Vec<u8>>),
}

type Rule = fn(&str, u16) -> Does;

/// A folder for the two files, and the questions each server was asked.
struct Place {
    folder: PathBuf,
    resolver: Resolver,
    asked: Vec<Arc<Mutex<Vec<String>>>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Place {
    /// With a name server for each of these at 127.0.0.1, 127.0.0.2 and so on.
    fn new(rules: &[Rule], options: &str) -> Place {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, SeqCst);
        let name = format!("rawcosmos-dns-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).unwrap();
        let (port, sockets) = sockets(rules.len());
        let mut configuration = format!("options {options}\n");
        let mut asked = Vec::new();
        for ((udp, tcp), rule) in sockets.into_iter().zip(rules) {
            let ip = udp.local_addr().unwrap().ip();
            configuration.push_str(&format!("nameserver {ip}\n"));
            asked.push(serve(udp, tcp, *rule));
        }
        std::fs::write(folder.join("resolv.conf"), configuration).unwrap();
        std::fs::write(folder.join("hosts"), "10.9.9.9 file.example\n").unwrap();
        let resolver = Resolver {
            hosts: folder.join("hosts"),
            configuration: folder.join("resolv.conf"),
            port,
        };
        Place {
            folder,
            resolver,
            asked,
        }
    }

    fn find(&self, name: &str) -> Result<Vec<String>, Failure> {
        let deadline = Instant::now() + Duration::from_secs(20);
        let found = self.resolver.addresses(name, deadline)?;
        Ok(found.iter().map(IpAddr::to_string).collect())
    }

    fn says(&self, name: &str, addresses: &[&str]) {
        assert_eq!(
            self.find(name).as_deref(),
            Ok(&addresses
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()[..])
        );
    }

    fn fails(&self, name: &str, words: &str) {
        let failure = self.find(name).unwrap_err();
        assert!(failure.to_string().contains(words), "{failure}");
    }

    fn questions(&self, server: usize) -> Vec<String> {
        self.asked[server].lock().unwrap().clone()
    }
}

/// UDP and TCP at one port of as many addresses of this machine.
fn sockets(count: usize) -> (u16, Vec<(UdpSocket, TcpListener)>) {
    for _ in 0..100 {
        let port = UdpSocket::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let bind = |last| {
            let address = SocketAddr::from(([127, 0, 0, last], port));
            Some((
                UdpSocket::bind(address).ok()?,
                TcpListener::bind(address).ok()?,
            ))
        };
        let bound: Option<Vec<_>> = (1..=u8::try_from(count).unwrap()).map(bind).collect();
        if let Some(bound) = bound {
            return (port, bound);
        }
    }
    panic_with("no port is free at all of the addresses")
}

#[allow(clippy::panic)]
fn panic_with(what: &str) -> ! {
    panic!("{what}")
}

/// Answers until the test process ends.
fn serve(udp: UdpSocket, tcp: TcpListener, rule: Rule) -> Arc<Mutex<Vec<String>>> {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = asked.clone();
    thread::spawn(move || {
        let mut datagram = [0; 600];
        while let Ok((length, from)) = udp.recv_from(&mut datagram) {
            let question = &datagram[..length];
            let (name, record) = read(question);
            heard.lock().unwrap().push(format!("{name} {record}"));
            for answer in datagrams(question, rule(&name, record)) {
                udp.send_to(&answer, from).unwrap();
            }
        }
    });
    thread::spawn(move || {
        for mut stream in tcp.incoming().flatten() {
            let mut length = [0; 2];
            stream.read_exact(&mut length).unwrap();
            let mut question = vec![0; u16::from_be_bytes(length).into()];
            stream.read_exact(&mut question).unwrap();
            let (name, record) = read(&question);
            if let Does::Truncates(records) = rule(&name, record) {
                let answer = answer(&question, 0x8180, &records);
                stream
                    .write_all(&(answer.len() as u16).to_be_bytes())
                    .unwrap();
                stream.write_all(&answer).unwrap();
            }
        }
    });
    asked
}

fn datagrams(question: &[u8], does: Does) -> Vec<Vec<u8>> {
    match does {
        Does::Silent => vec![],
        Does::Code(code) => vec![answer(question, 0x8180 | u16::from(code), &[])],
        Does::Says(records) => vec![answer(question, 0x8180, &records)],
        Does::Truncates(_) => vec![answer(question, 0x8380, &[])],
        Does::Raw(mut bytes) => {
            if bytes.len() > 1 {
                bytes[..2].copy_from_slice(&question[..2]);
            }
            vec![bytes]
        }
        Does::BehindAForgery(records) => {
            let mut forged = answer(question, 0x8180, &[record(A, &[6, 6, 6, 6])]);
            forged[0] ^= 0xff;
            let mut other = answer(question, 0x8180, &[record(A, &[6, 6, 6, 6])]);
            other[13] ^= 1;
            vec![
                vec![0; 5],
                forged,
                other,
                answer(question, 0x8180, &records),
            ]
        }
    }
}

/// The name and the type of a question.
fn read(question: &[u8]) -> (String, u16) {
    let mut labels = Vec::new();
    let mut at = 12;
    while question[at] > 0 {
        let end = at + 1 + usize::from(question[at]);
        labels.push(String::from_utf8_lossy(&question[at + 1..end]).into_owned());
        at = end;
    }
    (labels.join("."), u16::from(question[at + 2]))
}

/// A record of the name in the question.
fn record(kind: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xc0, 12];
    bytes.extend(kind.to_be_bytes());
    bytes.extend([0, 1, 0, 0, 0, 9, 0, data.len() as u8]);
    bytes.extend(data);
    bytes
}

fn answer(question: &[u8], flags: u16, records: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = question.to_vec();
    bytes[2..4].copy_from_slice(&flags.to_be_bytes());
    bytes[7] = records.len() as u8;
    bytes.extend(records.concat());
    bytes
}

fn private(kind: u16) -> Does {
    match kind {
        A => Does::Says(vec![record(A, &[10, 0, 0, 5])]),
        _ => Does::Says(vec![]),
    }
}

fn public(_: &str, kind: u16) -> Does {
    match kind {
        A => Does::Says(vec![record(A, &[20, 0, 0, 5])]),
        _ => Does::Says(vec![]),
    }
}

const NAME: &str = "contoso.documents.example";

#[test]
fn the_a_record_is_used_where_the_question_for_aaaa_fails() {
    let rules: [Rule; 5] = [
        |_, kind| {
            if kind == AAAA {
                Does::Code(2)
            } else {
                private(kind)
            }
        },
        |_, kind| {
            if kind == AAAA {
                Does::Code(5)
            } else {
                private(kind)
            }
        },
        |_, kind| {
            if kind == AAAA {
                Does::Code(4)
            } else {
                private(kind)
            }
        },
        |_, kind| {
            if kind == AAAA {
                Does::Silent
            } else {
                private(kind)
            }
        },
        |_, kind| {
            if kind == AAAA {
                Does::Raw(vec![0, 0, 0x81, 0x80, 0])
            } else {
                private(kind)
            }
        },
    ];
    for rule in rules {
        Place::new(&[rule, public], "timeout:2").says(NAME, &["10.0.0.5"]);
    }
}

#[test]
fn the_aaaa_record_is_used_where_the_question_for_a_fails() {
    let rule: Rule = |_, kind| match kind {
        A => Does::Code(2),
        _ => {
            let mut loopback = [0; 16];
            loopback[15] = 1;
            Does::Says(vec![record(AAAA, &loopback)])
        }
    };
    Place::new(&[rule], "timeout:1").says(NAME, &["::1"]);
}

#[test]
fn the_first_server_that_answers_decides() {
    let place = Place::new(&[|_, kind| private(kind), public], "timeout:2");
    place.says(NAME, &["10.0.0.5"]);
    assert_eq!(place.questions(1), [""; 0]);
    for rule in [(|_, _| Does::Code(3)) as Rule, |_, _| Does::Says(vec![])] {
        let place = Place::new(&[rule, public], "timeout:2");
        assert_eq!(place.find(NAME), Err(Failure::NotFound));
        assert_eq!(place.questions(1), [""; 0], "it has said no");
    }
}

#[test]
fn a_server_that_does_not_say_is_followed_by_the_next() {
    let rules: [Rule; 5] = [
        |_, _| Does::Code(2),
        |_, _| Does::Code(5),
        |_, _| Does::Silent,
        |_, kind| match kind {
            A => Does::Says(vec![record(5, &[0xc0, 12])]),
            _ => Does::Code(2),
        },
        |_, _| Does::Says(vec![vec![0xc0, 0xff]]),
    ];
    for rule in rules {
        Place::new(&[rule, public], "timeout:1").says(NAME, &["20.0.0.5"]);
    }
    // The first one is not there at all.
    let place = Place::new(&[public], "timeout:1");
    let path = &place.resolver.configuration;
    let text = std::fs::read_to_string(path).unwrap();
    std::fs::write(path, format!("nameserver 127.0.0.9\n{text}")).unwrap();
    place.says(NAME, &["20.0.0.5"]);
}

#[test]
fn each_server_is_asked_as_often_as_the_options_say_and_the_error_names_all() {
    let place = Place::new(&[|_, _| Does::Code(2), |_, _| Does::Code(5)], "attempts:3");
    place.fails(NAME, "127.0.0.1: SERVFAIL, 127.0.0.2: REFUSED");
    assert_eq!(place.questions(0).len(), 6);
    assert_eq!(place.questions(1).len(), 6);
    let place = Place::new(&[|_, _| Does::Silent], "attempts:1 timeout:1");
    place.fails(NAME, "127.0.0.1: no answer");
}

#[test]
fn a_truncated_answer_is_asked_for_over_tcp() {
    let rule: Rule = |_, kind| match kind {
        A => Does::Truncates((1..=40).map(|last| record(A, &[10, 0, 1, last])).collect()),
        _ => Does::Says(vec![]),
    };
    let place = Place::new(&[rule], "timeout:2");
    let found = place.find(NAME).unwrap();
    assert_eq!((found.len(), found[39].as_str()), (40, "10.0.1.40"));
}

#[test]
fn an_answer_with_another_id_or_to_another_name_is_passed_over() {
    let rule: Rule = |_, kind| match kind {
        A => Does::BehindAForgery(vec![record(A, &[10, 0, 0, 6])]),
        _ => Does::Says(vec![]),
    };
    Place::new(&[rule], "timeout:2").says(NAME, &["10.0.0.6"]);
}

#[test]
fn names_are_searched_for_until_one_is_there() {
    let rule: Rule = |name, kind| match name {
        "db.two.example" => private(kind),
        "db.one.example" => Does::Code(3),
        "other.db.zero.example" => Does::Code(2),
        _ => Does::Code(3),
    };
    let place = Place::new(
        &[rule],
        "timeout:2 attempts:1\nsearch zero.example one.example two.example",
    );
    place.says("db", &["10.0.0.5"]);
    assert_eq!(place.find("db."), Err(Failure::NotFound));
    // One of the names is not known to be missing.
    place.fails("other.db", "SERVFAIL");
}

#[test]
fn the_hosts_file_comes_before_the_servers() {
    let place = Place::new(&[public], "timeout:1");
    place.says("File.Example", &["10.9.9.9"]);
    assert_eq!(place.questions(0), [""; 0]);
}

#[test]
fn without_the_file_this_machine_is_asked_and_the_error_says_so() {
    let mut place = Place::new(&[|_, kind| private(kind)], "");
    place.resolver.configuration = "/nowhere/at/all".into();
    place.says(NAME, &["10.0.0.5"]);
    place.resolver.port = 9;
    place.fails(
        NAME,
        "127.0.0.1: nothing answers there; /nowhere/at/all is missing",
    );
}

#[test]
fn no_name_is_asked_for_that_cannot_be_one() {
    let place = Place::new(&[public], "timeout:1");
    for name in ["", ".", "a..b", &"a".repeat(64)] {
        assert_eq!(place.find(name), Err(Failure::NotFound), "{name}");
    }
    assert_eq!(place.questions(0), [""; 0]);
}

#[test]
fn a_deadline_that_has_passed_ends_it() {
    let place = Place::new(&[|_, _| Does::Silent], "timeout:30 attempts:5");
    let found = place.resolver.addresses(NAME, Instant::now());
    assert!(matches!(found, Err(Failure::NoAnswer(_))), "{found:?}");
}
