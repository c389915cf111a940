//! What is shown is what is sent: real sockets on this machine, both ends in one process.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use common::{KEY, NOW, json, name};
use rawcosmos::arm::{self, operation::Started};
use rawcosmos::authorize::master_key::MasterKey;
use rawcosmos::authorize::{Proof, authorize};
use rawcosmos::cosmos::items::Options;
use rawcosmos::cosmos::partition_key::PartitionKey;
use rawcosmos::cosmos::{self, items};
use rawcosmos::error::{Error, Stage};
use rawcosmos::exchange::network::Network;
use rawcosmos::exchange::{Client, Credential, SystemClock, Transport};
use rawcosmos::identity::{Selector, imds};
use rawcosmos::message::{Call, Effect, Limits, Plane, Request, Scope, Text};
use rawcosmos::name::{Endpoint, Name, Secret};
use rawcosmos::show::{self, Mask};
use serde_json::value::RawValue;

// ---- A server of prepared bytes

/// One answer, byte for byte.
#[derive(Clone)]
struct Reply {
    bytes: Vec<u8>,
    /// Close the connection after it.
    close: bool,
    /// One byte at a time.
    drip: bool,
}

fn reply(bytes: impl Into<Vec<u8>>) -> Reply {
    let (close, drip) = (false, false);
    Reply {
        bytes: bytes.into(),
        close,
        drip,
    }
}

impl Reply {
    fn and_close(mut self) -> Reply {
        self.close = true;
        self
    }

    fn drip(mut self) -> Reply {
        self.drip = true;
        self
    }
}

fn ok() -> Reply {
    reply("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
}

/// A listener on this machine that keeps what it is sent.
struct Server {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// Gives the replies in their order, then the last one for ever.
    fn new(replies: Vec<Reply>) -> Server {
        Server::at(TcpListener::bind("127.0.0.1:0").unwrap(), replies)
    }

    fn at(listener: TcpListener, replies: Vec<Reply>) -> Server {
        let server = Server {
            address: listener.local_addr().unwrap().to_string(),
            requests: Arc::default(),
            connections: Arc::default(),
        };
        let (requests, connections) = (server.requests.clone(), server.connections.clone());
        let replies = Arc::new(Mutex::new(replies));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                connections.fetch_add(1, Ordering::SeqCst);
                let (requests, replies) = (requests.clone(), replies.clone());
                thread::spawn(move || serve(stream, &requests, &replies));
            }
        });
        server
    }

    fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.address)
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint::new(&self.url("")).unwrap()
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn serve(mut stream: TcpStream, requests: &Mutex<Vec<String>>, replies: &Mutex<Vec<Reply>>) {
    while let Some(request) = read_request(&mut stream) {
        requests.lock().unwrap().push(request);
        let reply = {
            let mut replies = replies.lock().unwrap();
            if replies.len() > 1 {
                replies.remove(0)
            } else {
                replies[0].clone()
            }
        };
        let step = if reply.drip {
            1
        } else {
            reply.bytes.len().max(1)
        };
        for part in reply.bytes.chunks(step) {
            if stream
                .write_all(part)
                .and_then(|()| stream.flush())
                .is_err()
            {
                return;
            }
        }
        if reply.close {
            return;
        }
    }
}

/// One request with its body, or nothing once the other side has closed.
fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes.clone())
        .unwrap()
        .to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).map_or(0, |rest| {
        rest.split("\r\n").next().unwrap().parse().unwrap()
    });
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    bytes.extend(body);
    Some(String::from_utf8(bytes).unwrap())
}

// ---- What is shown is what is sent

/// What is shown, with the values in place of the labels and the line ends of the wire.
fn as_on_the_wire(request: &Request) -> String {
    let mut shown = show::request(request, &Mask::default());
    let texts = request.headers.iter().map(|(_, text)| text);
    for text in texts.chain([&request.url]) {
        if let Text::Secret(secret) = text {
            shown = expose(&shown, secret);
        }
    }
    let (head, body) = shown.split_once("\n\n").unwrap_or((shown.trim_end(), ""));
    let body = body.strip_suffix('\n').unwrap_or(body);
    format!("{}\r\n\r\n{body}", head.replace('\n', "\r\n"))
}

fn expose(shown: &str, secret: &Secret) -> String {
    let after_host = |text: &str| match text.split_once("://") {
        Some((_, rest)) => rest[rest.find('/').unwrap()..].to_string(),
        None => text.to_string(),
    };
    shown.replace(&after_host(secret.label()), &after_host(secret.expose()))
}

fn authorized<T>(call: Call<T>) -> Request {
    let token = Proof::Token(Secret::token(common::jwt(r#"{"aud":"a"}"#)));
    authorize(call.request, &call.scope, &token, NOW)
}

fn signed<T>(call: Call<T>) -> Request {
    let key = Proof::Key(MasterKey::new(KEY).unwrap());
    authorize(call.request, &call.scope, &key, NOW)
}

fn requests(server: &Server) -> Vec<Request> {
    let endpoint = server.endpoint();
    let account = arm::Account::new(endpoint.clone(), &name("s"), &name("rg 1"), &name("acct1"));
    let container = cosmos::Account::new(endpoint.clone())
        .database(&name("D b"))
        .container(&name("C%2F"));
    let key = PartitionKey::from_text("ü");
    let item = RawValue::from_string("{\"id\":\"ü\",\n  \"n\":1.10}".into()).unwrap();
    let link = format!("{endpoint}/a%2f..%2F/../b/./c?api-version=1&t=%7e&c=M%2b+&s=_-&h=a=b");
    let accepted = common::answer(202, &[("azure-asyncoperation", &link)], "");
    let create = arm::databases::create(&account, &name("d"), None);
    let started: Started = (create.read)(&accepted).unwrap();
    let metadata = Endpoint::identity(endpoint.as_str()).unwrap();
    vec![
        authorized(imds::token(
            &metadata,
            "https://cosmos.azure.com",
            &Selector::Default,
        )),
        authorized(create),
        authorized(started.progress(&endpoint).unwrap().unwrap()),
        authorized(arm::databases::delete(&account, &name("d"))),
        authorized(items::create(&container, &key, &item, &Options::default())),
        signed(items::upsert(&container, &key, &item, &Options::default())),
        signed(items::delete(
            &container,
            &name("a+b |#?".replace(['#', '?'], "é").as_str()),
            &key,
            &Options::default(),
        )),
        signed(cosmos::account::read(&cosmos::Account::new(
            endpoint.clone(),
        ))),
        Request::new(Plane::Arm, "POST", server.url("/listKeys?api-version=1"))
            .header("accept", "application/json")
            .body(""),
    ]
}

#[test]
fn what_is_shown_is_what_is_sent() {
    let server = Server::new(vec![ok()]);
    let network = Network::new(None);
    let requests = requests(&server);
    for request in &requests {
        network.send(request).unwrap();
    }
    for (request, received) in requests.iter().zip(server.requests()) {
        assert_eq!(received, as_on_the_wire(request));
    }
    assert_eq!(server.requests().len(), requests.len());
    assert_eq!(server.connections(), 1, "one connection serves them all");
}

#[test]
fn nothing_is_added_and_lengths_are_stated() {
    let server = Server::new(vec![ok()]);
    let network = Network::new(None);
    for (method, body) in [
        ("GET", None),
        ("DELETE", None),
        ("POST", Some("")),
        ("PUT", Some("{}")),
        ("POST", Some("ü")),
    ] {
        let mut request = Request::new(Plane::Data, method, server.url("/x"));
        request.body = body.map(|body| Arc::new(Text::from(body)));
        network.send(&request).unwrap();
        let received = server.requests().pop().unwrap().to_ascii_lowercase();
        let length = body.map(|body| format!("content-length: {}\r\n", body.len()));
        let expected = length.clone().unwrap_or_default();
        let host = format!(
            "{} /x http/1.1\r\nhost: {}\r\n",
            method.to_lowercase(),
            server.address
        );
        assert_eq!(
            received,
            format!("{host}{expected}\r\n{}", body.unwrap_or_default())
        );
    }
}

#[test]
fn every_id_arrives_encoded_once() {
    let server = Server::new(vec![ok()]);
    let network = Network::new(None);
    let account = cosmos::Account::new(server.endpoint());
    let container = account.database(&name("d")).container(&name("c"));
    let vectors = json("fixtures/data-plane/url_escape_vectors.json");
    let mut sent = 0;
    for row in vectors["rows"].as_array().unwrap() {
        let Ok(id) = Name::new(row["id"].as_str().unwrap()) else {
            continue;
        };
        let key = PartitionKey::from_text("k");
        network
            .send(&items::read(&container, &id, &key, &Options::default()).request)
            .unwrap();
        let received = server.requests().pop().unwrap();
        let target = format!(
            "GET /dbs/d/colls/c/docs/{} HTTP/1.1\r\n",
            row["segment"].as_str().unwrap()
        );
        assert!(received.starts_with(&target), "{received}");
        sent += 1;
    }
    assert!(sent >= 16, "{sent}");
}

// ---- Ways

/// Run again by the tests below as a process of its own, because the environment is one per process.
#[test]
fn child_of_another_test() {
    let (Ok(near), Ok(far)) = (std::env::var("WIRE_NEAR"), std::env::var("WIRE_FAR")) else {
        return;
    };
    let network = Network::new(None);
    let near_by_any_name = near.replace("127.0.0.1", "0.0.0.0");
    network
        .send(&Request::new(Plane::Data, "GET", near.as_str()))
        .unwrap();
    network
        .send(&Request::new(Plane::Arm, "GET", near.as_str()))
        .unwrap();
    network
        .send(&Request::new(Plane::Identity, "GET", near.as_str()))
        .unwrap();
    // An address that is not taken for this machine's, and is.
    network
        .send(&Request::new(
            Plane::Identity,
            "GET",
            near_by_any_name.as_str(),
        ))
        .unwrap();
    let guarded = std::env::var("WIRE_GUARDED").unwrap();
    network
        .send(&Request::new(Plane::Data, "GET", guarded.as_str()))
        .unwrap_err();
    let refused = network
        .send(&Request::new(Plane::Data, "GET", far.as_str()))
        .unwrap_err();
    assert_eq!(refused.stage, Stage::Connect, "{refused}");
}

#[test]
fn no_proxy_stands_before_this_machine_or_its_metadata_service() {
    let server = Server::new(vec![ok()]);
    let proxy = Server::new(vec![
        reply("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n").and_close(),
    ]);
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "child_of_another_test", "--nocapture"]);
    child.env("WIRE_NEAR", server.url("/near"));
    child.env("WIRE_GUARDED", format!("https://{}/", hangs_up()));
    child.env("WIRE_FAR", "https://service.invalid/far");
    for variable in [
        "ALL_PROXY",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "all_proxy",
        "http_proxy",
        "https_proxy",
    ] {
        child.env(variable, proxy.url(""));
    }
    child.env_remove("NO_PROXY").env_remove("no_proxy");
    let output = child.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(server.requests().len(), 4, "{said}");
    let proxied = proxy.requests();
    assert_eq!(
        proxied.len(),
        1,
        "the proxy is in use, for what lies outside alone"
    );
    assert!(
        proxied[0].starts_with("CONNECT service.invalid:443 "),
        "{proxied:?}"
    );
}

/// The address of a listener that ends every connection before a word.
fn hangs_up() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || listener.incoming().for_each(drop));
    address
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = Server::new(vec![ok()]);
    for status in [301, 302, 303, 307, 308] {
        let head = format!(
            "HTTP/1.1 {status} Moved\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n",
            elsewhere.url("/")
        );
        let server = Server::new(vec![reply(head)]);
        let request =
            Request::new(Plane::Data, "GET", server.url("/")).header("authorization", "secret");
        let answer = Network::new(None).send(&request).unwrap();
        assert_eq!(answer.status, status);
        assert_eq!(server.requests().len(), 1);
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[test]
fn nothing_is_sent_in_the_clear() {
    let server = Server::new(vec![ok()]);
    // An address that is not taken for this machine's, and is: had anything been sent, it would have arrived.
    let url = server.url("/").replace("127.0.0.1", "0.0.0.0");
    for plane in [Plane::Arm, Plane::Data] {
        let request = Request::new(plane, "GET", url.as_str()).header("authorization", "secret");
        let refused = Network::new(None).send(&request).unwrap_err();
        assert!(!refused.was_sent(), "{refused}");
        assert!(refused.what.contains("in the clear"), "{refused}");
    }
    assert_eq!(server.connections(), 0);
    for text in [
        "http://acct1.documents.azure.com",
        "http://10.0.0.4:8081",
        "http://0.0.0.0",
    ] {
        assert!(
            matches!(Endpoint::new(text), Err(Error::Usage(_))),
            "{text}"
        );
    }
    for text in [
        "http://localhost:8081",
        "http://127.0.0.1",
        "http://[::1]:1",
        "https://10.0.0.4",
    ] {
        assert!(Endpoint::new(text).is_ok(), "{text}");
    }
}

/// By the name of this machine, whichever of its two addresses somebody listens at.
#[test]
fn this_machine_is_found_by_name_at_both_addresses() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let Ok(listener) = TcpListener::bind(address) else {
            println!("left out: this machine has no {address}");
            continue;
        };
        let server = Server::at(listener, vec![ok()]);
        let (_, port) = server.address.rsplit_once(':').unwrap();
        let url = format!("http://localhost:{port}/x");
        let answer = Network::new(None).send(&Request::new(Plane::Data, "GET", url));
        assert_eq!(answer.unwrap().status, 200, "{address}");
    }
}

#[test]
fn nobody_at_the_address_is_told_from_a_lost_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let broken = Network::new(None)
        .send(&Request::new(Plane::Identity, "GET", url))
        .unwrap_err();
    assert_eq!(broken.stage, Stage::Connect, "{broken}");
}

// ---- Answers

fn get(reply: Reply) -> Result<rawcosmos::message::Response, rawcosmos::error::Broken> {
    let server = Server::new(vec![reply]);
    Network::new(None).send(&Request::new(Plane::Data, "GET", server.url("/x")))
}

#[test]
fn an_answer_that_breaks_off_is_none() {
    for bytes in [
        "",
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"a\":1}",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"a\"",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}",
        "SSH-2.0-OpenSSH_9.6\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n{}",
    ] {
        let broken = get(reply(bytes).and_close()).unwrap_err();
        assert_eq!(broken.stage, Stage::Answer, "{bytes:?}: {broken}");
        assert!(broken.was_sent());
        assert!(
            broken.to_string().contains("GET http://127.0.0.1:"),
            "{broken}"
        );
    }
}

#[test]
fn a_lost_answer_to_a_change_is_unknown_and_not_sent_again() {
    let server = Server::new(vec![
        reply("HTTP/1.1 201 Created\r\ncontent-length: 9\r\n\r\n{").and_close(),
    ]);
    let network = Network::new(None);
    let client = Client::new(
        &network,
        &SystemClock,
        Credential::Key(MasterKey::new(KEY).unwrap()),
    );
    let call = |effect| Call {
        request: Request::new(Plane::Data, "POST", server.url("/dbs")).body("{}"),
        scope: Scope::Data {
            kind: "dbs",
            link: String::new(),
        },
        action: "",
        effect,
        read: |_| Ok(()),
    };
    let error = client.run(&call(Effect::Once)).unwrap_err();
    assert!(matches!(error, Error::Unknown(_)), "{error}");
    assert_eq!(server.requests().len(), 1);
    let error = client.run(&call(Effect::Idempotent)).unwrap_err();
    assert!(matches!(error, Error::Unknown(_)), "{error}");
    assert_eq!(server.requests().len(), 4);
}

#[test]
fn a_connection_closed_in_between_does_not_harm_the_next_request() {
    let server = Server::new(vec![ok().and_close()]);
    let network = Network::new(None);
    let request = Request::new(Plane::Data, "POST", server.url("/docs")).body("{}");
    for sent in 1..=3 {
        let answer = network
            .send(&request)
            .unwrap_or_else(|e| panic!("request {sent}: {e}"));
        assert_eq!(answer.status, 200);
        thread::sleep(Duration::from_millis(30));
    }
    assert_eq!((server.requests().len(), server.connections()), (3, 3));
}

#[test]
fn answers_come_in_many_shapes() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\n{\"\r\n5\r\na\":1}\r\n0\r\nTrailer: t\r\n\r\n";
    let to_the_end = "HTTP/1.1 200 OK\r\nX-MS-Request-Charge:  2.25 \r\n\r\n{\"a\":1}";
    let plain = "HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n{\"a\":1}";
    for made in [
        reply(chunked),
        reply(chunked).drip(),
        reply(to_the_end).and_close(),
        reply(plain),
        reply(plain).drip(),
    ] {
        let shape = String::from_utf8_lossy(&made.bytes).into_owned();
        let answer = get(made).unwrap_or_else(|e| panic!("{shape}: {e}"));
        assert_eq!(answer.text().unwrap(), r#"{"a":1}"#, "{shape}");
    }
    let answer = get(reply(to_the_end).and_close()).unwrap();
    assert_eq!(answer.header("x-ms-request-charge"), Some("2.25"));
    for bare in [204, 304] {
        let answer = get(reply(format!("HTTP/1.1 {bare} x\r\netag: \"e\"\r\n\r\n"))).unwrap();
        assert_eq!((answer.status, answer.body.len()), (bare, 0));
        assert_eq!(answer.header("ETag"), Some("\"e\""));
    }
    // It says how long the body is that it does not send.
    let told = "HTTP/1.1 304 x\r\ncontent-length: 7\r\n\r\n";
    assert_eq!(get(reply(told)).unwrap().body.len(), 0);
}

#[test]
fn large_answers_are_read_and_larger_ones_refused() {
    let headers: String = (0..100).map(|n| format!("x-header-{n}: {n}\r\n")).collect();
    let answer = get(reply(format!(
        "HTTP/1.1 200 OK\r\n{headers}content-length: 0\r\n\r\n"
    )))
    .unwrap();
    assert_eq!(answer.headers.len(), 101);
    assert_eq!(answer.header("x-header-99"), Some("99"));

    let link = "https://management.azure.com/".to_string() + &"x".repeat(3_300);
    let two = format!("azure-asyncoperation: {link}\r\nlocation: {link}\r\n");
    let answer = get(reply(format!(
        "HTTP/1.1 202 OK\r\n{two}content-length: 0\r\n\r\n"
    )))
    .unwrap();
    assert_eq!(answer.header("Location"), Some(link.as_str()));

    let body = vec![b'x'; 4 * 1024 * 1024];
    let mut bytes =
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend(&body);
    assert_eq!(get(reply(bytes)).unwrap().body.len(), body.len());

    let mut bytes = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    bytes.resize(33 * 1024 * 1024, b'x');
    let broken = get(reply(bytes).and_close()).unwrap_err();
    assert_eq!(broken.stage, Stage::Answer, "{broken}");
}

#[test]
fn each_of_many_threads_keeps_its_connection() {
    const THREADS: usize = 8;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let opened = Arc::new(AtomicUsize::new(0));
    // None is answered before all have asked, so that there is a connection for each.
    let (all, count) = (Arc::new(Barrier::new(THREADS)), Arc::clone(&opened));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            count.fetch_add(1, Ordering::Relaxed);
            let all = Arc::clone(&all);
            std::thread::spawn(move || {
                let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
                while lines.by_ref().find(String::is_empty).is_some() {
                    all.wait();
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                    (&stream).write_all(answer).unwrap();
                }
            });
        }
    });
    let network = Network::new(None);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..3 {
                    let request = Request::new(Plane::Data, "GET", url.as_str());
                    assert_eq!(network.send(&request).unwrap().status, 200);
                }
            });
        }
    });
    assert_eq!(opened.load(Ordering::Relaxed), THREADS);
}

#[test]
fn a_signed_link_of_full_length_is_sent_whole() {
    let server = Server::new(vec![ok()]);
    let target = format!("/op?t=1&c={}&s={}", "M".repeat(3_000), "%2b".repeat(300));
    let url = Secret::within(server.url(&target), "shown".into());
    let token = Text::from(Secret::within("x".repeat(8_500), "<token>".into()));
    let request = Request::new(Plane::Arm, "GET", url).header("authorization", token);
    Network::new(None).send(&request).unwrap();
    let received = server.requests().pop().unwrap();
    assert!(received.starts_with(&format!("GET {target} HTTP/1.1\r\n")));
}

#[test]
fn what_came_after_an_answer_is_not_the_next_one() {
    let beyond = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwrong";
    let short = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}}";
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\nwrong";
    let bodiless = "HTTP/1.1 204 No Content\r\n\r\nwrong";
    for told in [beyond, short, chunked, bodiless] {
        let server = Server::new(vec![reply(told), ok()]);
        let network = Network::new(None);
        let request = Request::new(Plane::Data, "POST", server.url("/docs")).body("{}");
        assert!(network.send(&request).unwrap().body.len() <= 2);
        // Nothing is lost or taken for the answer, and what was sent was sent once.
        let next = network.send(&request);
        let next = next.unwrap_or_else(|e| panic!("{told}: {e}"));
        assert_eq!(next.text().unwrap(), "{}", "{told}");
        assert_eq!(
            (server.requests().len(), server.connections()),
            (2, 2),
            "{told}"
        );
    }
}

#[test]
fn a_connection_whose_answer_cannot_be_used_is_not_used_again() {
    let whole = |body: &str| {
        let length = body.len();
        reply(format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}"
        ))
    };
    for told in ["{}", "<html>Sign in</html>", r#"{"id":"2"}"#, r#"{"id""#] {
        let server = Server::new(vec![whole(told), whole(r#"{"id":"1"}"#)]);
        let network = Network::new(None);
        let key = Credential::Key(MasterKey::new(KEY).unwrap());
        let client = Client::new(&network, &SystemClock, key);
        let container = cosmos::Account::new(server.endpoint())
            .database(&name("d"))
            .container(&name("c"));
        let key = PartitionKey::from_text("a");
        let read = items::read(&container, &name("1"), &key, &Options::default());
        client.run(&read).unwrap();
        let items = server.requests();
        let items = items.iter().filter(|asked| asked.contains("/docs/1 "));
        assert_eq!((items.count(), server.connections()), (2, 2), "{told}");
        client.run(&read).unwrap();
        assert_eq!(server.connections(), 2, "{told}");
    }
}

#[test]
fn every_request_to_the_data_plane_is_named_by_an_id_of_its_own() {
    let server = Server::new(vec![reply(
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{\"id\":\"a\"}",
    )]);
    let network = Network::new(None);
    let key = Credential::Key(MasterKey::new(KEY).unwrap());
    let client = Client::new(&network, &SystemClock, key);
    let account = cosmos::Account::new(server.endpoint());
    for _ in 0..2 {
        client.run(&cosmos::account::read(&account)).unwrap();
    }
    let id = |request: &String| {
        let line = request
            .lines()
            .find(|l| l.starts_with("x-ms-activity-id: "));
        line.unwrap()["x-ms-activity-id: ".len()..].to_string()
    };
    let ids: Vec<String> = server.requests().iter().map(id).collect();
    assert_ne!(ids[0], ids[1]);
    for id in ids {
        let parts: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12], "{id}");
        assert!(
            id.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit()),
            "{id}"
        );
        assert_eq!(&id[14..15], "4");
    }
}

/// Says this, then one more byte every ten milliseconds for ten seconds, and then no more: that would be another error.
fn trickling(begin: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            read_request(&mut stream);
            let mut said = stream.write_all(begin.as_bytes());
            for _ in 0..1000 {
                thread::sleep(Duration::from_millis(10));
                said = said.and_then(|()| stream.write_all(b"x"));
            }
        }
    });
    url
}

#[test]
fn an_answer_that_trickles_ends_in_time() {
    for begin in [
        "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx-a: ",
    ] {
        let mut request = Request::new(Plane::Data, "GET", trickling(begin));
        let (whole, first) = (Duration::from_millis(400), Duration::from_secs(60));
        let connect = first;
        request.limits = Some(Limits {
            connect,
            first,
            whole,
        });
        let broken = Network::new(None).send(&request).unwrap_err();
        assert_eq!(broken.stage, Stage::Answer, "{broken}");
        assert!(broken.what.contains("too long"), "{begin}: {broken}");
    }
}
