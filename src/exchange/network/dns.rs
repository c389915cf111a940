//! Names become addresses as glibc does it, for the static binary: `/etc/hosts`, then the servers of `/etc/resolv.conf`.
//!
//! musl asks all servers at once, takes the first answer from any of them, and gives up where one of the two questions
//! (A and AAAA) fails. So one name led to different addresses in the static binary and in any other program of the same
//! machine. Here, as in glibc:
//!
//! - The servers are asked in order, each for both records; the first one that answers decides, also by saying no.
//! - SERVFAIL, REFUSED, a damaged answer or none within the timeout: the next server, then all of them once more.
//! - One record is enough: where only A is answered, A is used. A truncated answer is asked for again over TCP.
//! - The search list and `ndots` decide which names are tried; see [`files::Configuration::candidates`].
//!
//! Left out: `/etc/nsswitch.conf`, `RES_OPTIONS`, `rotate`, EDNS and DNSSEC.

mod files;
mod message;
mod order;
#[cfg(test)]
mod tests;

use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use files::Configuration;
use message::{Answer, Question, Record, Unusable};

/// More is not read of a file in `/etc`; lists of blocked hosts are a few megabytes.
const MOST_OF_A_FILE: u64 = 16 * 1024 * 1024;
/// glibc gives a second record as long as the first; by then an answer is there that will do.
const WAIT_FOR_SECOND_RECORD: Duration = Duration::from_secs(1);
/// No datagram without EDNS is larger than 512 bytes.
const LARGEST_DATAGRAM: usize = 4096;

/// Where the configuration is, and at which port the servers are.
#[derive(Debug)]
pub(super) struct Resolver {
    pub hosts: PathBuf,
    pub configuration: PathBuf,
    pub port: u16,
}

/// Why a name has no address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// A server says so, or no name can be like this.
    NotFound,
    /// No server says, in words that name each of them.
    NoAnswer(String),
}

impl std::error::Error for Failure {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::NotFound => f.write_str("its name has no address"),
            Failure::NoAnswer(what) => f.write_str(what),
        }
    }
}

impl Default for Resolver {
    fn default() -> Resolver {
        Resolver {
            hosts: "/etc/hosts".into(),
            configuration: "/etc/resolv.conf".into(),
            port: 53,
        }
    }
}

impl Resolver {
    /// The addresses of a host, the best one first; there is at least one.
    pub fn addresses(&self, host: &str, deadline: Instant) -> Result<Vec<IpAddr>, Failure> {
        let known = files::in_hosts(&text(&self.hosts), host);
        if !known.is_empty() {
            return Ok(order::by_reach(known));
        }
        let configuration = Configuration::read(&text(&self.configuration));
        let mut failure = Failure::NotFound;
        for name in configuration.candidates(host) {
            let lookup = Lookup {
                configuration: &configuration,
                port: self.port,
                deadline,
            };
            match lookup.ask(&name) {
                Ok(found) if !found.is_empty() => return Ok(order::by_reach(found)),
                Ok(_) => {}
                Err(trouble) if trouble.refused_by_a_server => {
                    failure = self.no_answer(&trouble.words);
                }
                Err(trouble) => return Err(self.no_answer(&trouble.words)),
            }
        }
        Err(failure)
    }

    fn no_answer(&self, words: &[String]) -> Failure {
        let missing = match self.configuration.exists() {
            true => String::new(),
            false => format!("; {} is missing", self.configuration.display()),
        };
        let servers = words.join(", ");
        Failure::NoAnswer(format!(
            "no name server says what its address is ({servers}{missing})"
        ))
    }
}

/// The text of a file, or nothing.
fn text(path: &Path) -> String {
    let mut bytes = Vec::new();
    if let Ok(file) = std::fs::File::open(path) {
        // What was read before an error is still of use.
        let _ = file.take(MOST_OF_A_FILE).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

struct Lookup<'a> {
    configuration: &'a Configuration,
    port: u16,
    deadline: Instant,
}

/// Why no server has answered.
struct Trouble {
    /// One of them did, with SERVFAIL or REFUSED: another name may fare better.
    refused_by_a_server: bool,
    /// Each server and what became of it.
    words: Vec<String>,
}

impl Lookup<'_> {
    /// The addresses of one name, as it stands; none where the first server that answers says so.
    fn ask(&self, name: &str) -> Result<Vec<IpAddr>, Trouble> {
        let records = [Record::A, Record::Aaaa];
        let questions = records.map(|record| Question::new(random_id(), name, record));
        let [Some(a), Some(aaaa)] = questions else {
            return Ok(Vec::new());
        };
        let mut trouble = Trouble {
            refused_by_a_server: false,
            words: Vec::new(),
        };
        for _ in 0..self.configuration.attempts {
            trouble.words.clear();
            for ip in &self.configuration.servers {
                let left = self.deadline.saturating_duration_since(Instant::now());
                let wait = self.configuration.timeout.min(left);
                let server = SocketAddr::new(*ip, self.port);
                let asked = Server { server, wait }.ask([&a, &aaaa]);
                match asked {
                    Ok(found) => return Ok(found),
                    Err(failed) => {
                        trouble.refused_by_a_server |= failed.is_refusal;
                        trouble.words.push(format!("{ip}: {}", failed.what));
                    }
                }
            }
        }
        Err(trouble)
    }
}

/// It cannot be guessed, so only the server that was asked can answer.
fn random_id() -> u16 {
    let hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.finish() as u16
}

/// One server, and how long its answers are waited for.
struct Server {
    server: SocketAddr,
    wait: Duration,
}

/// Why one server is of no use.
struct Failed {
    is_refusal: bool,
    what: String,
}

impl Failed {
    fn of(error: &std::io::Error) -> Failed {
        let what = match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => "no answer".to_string(),
            ErrorKind::ConnectionRefused => "nothing answers there".to_string(),
            _ => error.to_string(),
        };
        Failed {
            is_refusal: false,
            what,
        }
    }
}

type Heard = Option<Result<Answer, Failed>>;

impl Server {
    /// What this server says, if one of its answers is of use.
    fn ask(&self, questions: [&Question; 2]) -> Result<Vec<IpAddr>, Failed> {
        let heard = self.exchange(questions);
        let mut addresses = Vec::new();
        let mut failed = None;
        let mut has_said_no = false;
        // IPv6 before IPv4, as the order of equals.
        for answer in heard.into_iter().rev() {
            match answer {
                Ok(Answer::Addresses(found)) => addresses.extend(found),
                Ok(Answer::NoSuchName) => has_said_no = true,
                Ok(Answer::Failed(code)) => failed = Some(refusal(code)),
                Ok(Answer::Truncated) => failed = Some(refusal(0)),
                Err(why) => failed = Some(why),
            }
        }
        match failed {
            Some(failed) if addresses.is_empty() && !has_said_no => Err(failed),
            _ => Ok(addresses),
        }
    }

    /// Both answers, or what became of each.
    fn exchange(&self, questions: [&Question; 2]) -> [Result<Answer, Failed>; 2] {
        let mut heard = [None, None];
        let error = self.listen(questions, &mut heard).err();
        let error = error.unwrap_or_else(|| ErrorKind::TimedOut.into());
        let ([first, second], [a, aaaa]) = (questions, heard);
        [
            self.complete(first, a, &error),
            self.complete(second, aaaa, &error),
        ]
    }

    fn complete(
        &self,
        question: &Question,
        heard: Heard,
        error: &std::io::Error,
    ) -> Result<Answer, Failed> {
        match heard {
            Some(Ok(Answer::Truncated)) => self.by_tcp(question),
            Some(heard) => heard,
            None => Err(Failed::of(error)),
        }
    }

    /// Sends both questions in datagrams, and listens until both are answered or the time is over.
    fn listen(&self, questions: [&Question; 2], heard: &mut [Heard; 2]) -> std::io::Result<()> {
        let any = match self.server {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect(self.server)?;
        for question in questions {
            socket.send(&question.message())?;
        }
        let mut ends = Instant::now() + self.wait;
        let mut datagram = [0; LARGEST_DATAGRAM];
        while heard.iter().any(Option::is_none) {
            let left = ends.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ErrorKind::TimedOut.into());
            }
            socket.set_read_timeout(Some(left))?;
            let length = match socket.recv(&mut datagram) {
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                received => received?,
            };
            let message = datagram.get(..length).unwrap_or_default();
            for (question, heard) in questions.iter().zip(heard.iter_mut()) {
                let answer = question.answer(message);
                if heard.is_none() && answer != Err(Unusable::NotOurs) {
                    *heard = Some(usable(answer));
                }
            }
            if heard.iter().flatten().any(has_addresses) {
                ends = ends.min(Instant::now() + WAIT_FOR_SECOND_RECORD);
            }
        }
        Ok(())
    }

    /// One question again, where the answer did not fit into a datagram.
    fn by_tcp(&self, question: &Question) -> Result<Answer, Failed> {
        let exchange = || -> std::io::Result<Vec<u8>> {
            let wait = self.wait.max(Duration::from_millis(1));
            let mut stream = TcpStream::connect_timeout(&self.server, wait)?;
            stream.set_read_timeout(Some(wait))?;
            stream.set_write_timeout(Some(wait))?;
            let message = question.message();
            let length = u16::try_from(message.len()).map_err(std::io::Error::other)?;
            stream.write_all(&[&length.to_be_bytes(), message.as_slice()].concat())?;
            let mut length = [0; 2];
            stream.read_exact(&mut length)?;
            let mut answer = vec![0; u16::from_be_bytes(length).into()];
            stream.read_exact(&mut answer)?;
            Ok(answer)
        };
        let answer = exchange().map_err(|e| Failed::of(&e))?;
        usable(question.answer(&answer))
    }
}

fn has_addresses(heard: &Result<Answer, Failed>) -> bool {
    matches!(heard, Ok(Answer::Addresses(found)) if !found.is_empty())
}

fn usable(answer: Result<Answer, Unusable>) -> Result<Answer, Failed> {
    answer.map_err(|unusable| {
        let what = match unusable {
            Unusable::NotOurs => "an answer to another question",
            Unusable::Damaged(what) => what,
        };
        Failed {
            is_refusal: false,
            what: format!("a damaged answer: {what}"),
        }
    })
}

/// A server that answers and does not say.
fn refusal(code: u8) -> Failed {
    let name = match code {
        0 => "a truncated answer over TCP",
        1 => "FORMERR",
        2 => "SERVFAIL",
        4 => "NOTIMP",
        5 => "REFUSED",
        _ => "",
    };
    let what = match name {
        "" => format!("response code {code}"),
        name => name.to_string(),
    };
    Failed {
        is_refusal: true,
        what,
    }
}
