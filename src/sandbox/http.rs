//! HTTP/1.1 on loopback: what a handler is given and what it gives back.

mod head;
mod listen;
mod receive;
mod send;

pub use listen::{Listener, Plane};
pub use send::{Delivery, Reply};

/// A request as it came off the wire.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// As sent, upper case for every method that exists.
    pub method: String,
    /// Path and query exactly as sent, still percent-encoded.
    pub target: String,
    /// Names as sent, in order.
    pub headers: Vec<(String, String)>,
    /// The whole body, chunked coding removed.
    pub body: Vec<u8>,
}

impl Request {
    /// The first header of that name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(sent, _)| sent.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The target up to the question mark, still percent-encoded.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The target after the question mark, still percent-encoded; empty where there is none.
    pub fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }
}

/// An answer to be written to the wire; the server adds `Date` and the length.
#[derive(Debug, Clone, Default)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// In the order they are to be written.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Response {
    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    /// An answer with a JSON body.
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::empty(status)
            .with("Content-Type", "application/json; charset=utf-8")
            .carrying(body.to_string())
    }

    /// The same answer with one more header.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The same answer with this body.
    pub fn carrying(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The page http.sys writes where it refuses a request before any service sees it.
    pub fn page(status: u16, title: &str, reason: &str) -> Self {
        let name = send::reason(status);
        let body = format!(
            "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\"\"http://www.w3.org/TR/html4/strict.dtd\">\r\n\
             <HTML><HEAD><TITLE>{name}</TITLE>\r\n\
             <META HTTP-EQUIV=\"Content-Type\" Content=\"text/html; charset=us-ascii\"></HEAD>\r\n\
             <BODY><h2>{name} - {title}</h2>\r\n\
             <hr><p>HTTP Error {status}. {reason}</p>\r\n\
             </BODY></HTML>\r\n"
        );
        Self::empty(status)
            .with("Content-Type", "text/html; charset=us-ascii")
            .with("Server", "Microsoft-HTTPAPI/2.0")
            .carrying(body)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::time::Duration;

    use super::*;

    /// Answers with what it was sent.
    fn echo(chunked: bool) -> (Listener, u16) {
        let bound = Listener::bind(0).unwrap();
        let port = bound.local_addr().unwrap().port();
        let plane = Plane {
            body_limit: 1000,
            too_large: || Response::empty(413),
            chunked,
            clock: Box::new(|| time::macros::datetime!(2026-01-02 03:04:05 UTC)),
            answer: Box::new(answer),
        };
        (Listener::serve(bound, plane).unwrap(), port)
    }

    fn answer(request: &Request) -> Reply {
        let text = format!("{} {} ", request.method, request.target);
        let response = Response::empty(200)
            .with("X-Sent", request.header("x-sent").unwrap_or("nothing"))
            .carrying([text.as_bytes(), &request.body].concat());
        Reply {
            delivery: match request.path() {
                "/half" => Delivery::Half,
                "/nothing" => Delivery::Nothing,
                "/drip" => Delivery::Drip,
                "/reset" => Delivery::Reset,
                "/long" => Delivery::Length(5),
                "/short" => Delivery::Length(-5),
                _ => Delivery::Whole,
            },
            ..Reply::from(response)
        }
    }

    /// Sends some bytes, closes the sending side and reads all that comes.
    fn talk(port: u16, bytes: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        stream.write_all(bytes.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn requests_on_one_connection_are_answered_in_turn() {
        let (_listener, port) = echo(false);
        let answer = talk(
            port,
            "GET /one?a=%20b HTTP/1.1\r\nHost: x\r\nX-Sent: yes\r\n\r\n\
             POST /two HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello\
             PUT /three HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\
             3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n\
             HEAD /four HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n\
             GET /never HTTP/1.1\r\nHost: x\r\n\r\n",
        );
        let expected = "HTTP/1.1 200 Ok\r\nX-Sent: yes\r\nDate: Fri, 02 Jan 2026 03:04:05 GMT\r\nContent-Length: 16\r\n\r\n\
             GET /one?a=%20b HTTP/1.1 200 Ok\r\nX-Sent: nothing\r\nDate: Fri, 02 Jan 2026 03:04:05 GMT\r\nContent-Length: 15\r\n\r\n\
             POST /two helloHTTP/1.1 200 Ok\r\nX-Sent: nothing\r\nDate: Fri, 02 Jan 2026 03:04:05 GMT\r\nContent-Length: 16\r\n\r\n\
             PUT /three abcdeHTTP/1.1 200 Ok\r\nX-Sent: nothing\r\nDate: Fri, 02 Jan 2026 03:04:05 GMT\r\nConnection: close\r\nContent-Length: 11\r\n\r\n";
        assert_eq!(answer, expected);
    }

    #[test]
    fn what_is_malformed_is_refused_and_ends_the_connection() {
        let (_listener, port) = echo(false);
        let long = format!(
            "GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n",
            "x".repeat(70_000)
        );
        let big = format!(
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n{}",
            "x".repeat(1001)
        );
        let rows = [
            ("nonsense\r\n\r\n", "400 Bad Request"),
            ("GET / HTTP/2.0\r\n\r\n", "505 "),
            ("GET / HTTP/1.1\r\n\r\n", "400 "),
            ("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "400 "),
            ("GET nowhere HTTP/1.1\r\nHost: x\r\n\r\n", "400 "),
            ("GET / HTTP/1.1\r\nHost : x\r\n\r\n", "400 "),
            ("POST / HTTP/1.1\r\nHost: x\r\n\r\n", "411 "),
            (
                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                "400 ",
            ),
            (
                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\na",
                "400 ",
            ),
            (
                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                "400 ",
            ),
            (
                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                "400 ",
            ),
            (
                "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
                "501 ",
            ),
            (
                "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
                "400 ",
            ),
            (
                "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
                "400 ",
            ),
            (
                "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n",
                "413 ",
            ),
            (
                "POST / HTTP/1.1\r\nHost: x\r\nExpect: nothing\r\nContent-Length: 1\r\n\r\na",
                "417 ",
            ),
            (&long, "400 Bad Request"),
            (&big, "413 "),
        ];
        for (sent, expected) in rows {
            let answer = talk(port, &format!("{sent}GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {expected}")),
                "{sent}: {answer}"
            );
            assert_eq!(answer.matches("\r\nDate: ").count(), 1, "{sent}: {answer}");
        }
        assert!(talk(port, &long).contains("Request Too Long"));
    }

    #[test]
    fn a_client_that_waits_is_told_to_go_on() {
        let (_listener, port) = echo(false);
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        stream
            .write_all(b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut invitation = [0; 25];
        stream.read_exact(&mut invitation).unwrap();
        assert_eq!(&invitation, b"HTTP/1.1 100 Continue\r\n\r\n");
        stream.write_all(b"ok").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.ends_with("POST / ok"), "{answer}");
    }

    #[test]
    fn chunks_are_for_those_who_know_them() {
        let (_listener, port) = echo(true);
        let answer = talk(port, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(
            answer.ends_with("Transfer-Encoding: chunked\r\n\r\n6\r\nGET / \r\n0\r\n\r\n"),
            "{answer}"
        );
        let answer = talk(port, "GET / HTTP/1.0\r\n\r\n");
        assert!(
            answer.ends_with("Connection: close\r\nContent-Length: 6\r\n\r\nGET / "),
            "{answer}"
        );
    }

    #[test]
    fn spoilt_answers_are_spoilt_as_asked() {
        let (_listener, port) = echo(false);
        let ask = |path: &str| talk(port, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert_eq!(ask("/nothing"), "");
        assert!(ask("/half").ends_with("Content-Length: 10\r\n\r\nGET /"));
        assert!(ask("/drip").ends_with("Content-Length: 10\r\n\r\nGET /drip "));
    }

    #[test]
    fn lengths_can_be_wrong() {
        for chunked in [false, true] {
            let (_listener, port) = echo(chunked);
            let ask = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
            let answer = talk(port, &(ask("/long") + &ask("/never")));
            assert!(
                answer.ends_with("Content-Length: 15\r\n\r\nGET /long "),
                "{answer}"
            );
            // What is beyond the length is where the next answer should begin.
            let answer = talk(port, &(ask("/short") + &ask("/next")));
            assert!(
                answer.contains("Content-Length: 6\r\n\r\nGET /short HTTP/1.1 200 Ok\r\n"),
                "{answer}"
            );
        }
    }

    #[test]
    fn a_reset_is_not_an_end() {
        let (_listener, port) = echo(false);
        for (path, wanted) in [("/reset", true), ("/half", false)] {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            // Before it the connection is as good as any.
            write!(stream, "GET /one HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            let mut first = String::new();
            while !first.ends_with("GET /one ") {
                let mut piece = [0; 512];
                let count = stream.read(&mut piece).unwrap();
                first.push_str(str::from_utf8(&piece[..count]).unwrap());
            }
            write!(
                stream,
                "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
            )
            .unwrap();
            let mut answer = Vec::new();
            let end = stream
                .read_to_end(&mut answer)
                .map_err(|error| error.kind());
            assert_eq!(
                end == Err(std::io::ErrorKind::ConnectionReset),
                wanted,
                "{path} {end:?}"
            );
            assert!(
                String::from_utf8_lossy(&answer).contains("Content-Length: 1"),
                "{answer:?}"
            );
        }
    }

    #[test]
    fn a_hundred_connections_are_served_at_once_and_all_end() {
        let (listener, port) = echo(false);
        let mut streams: Vec<TcpStream> = (0..100)
            .map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap())
            .collect();
        for turn in 0..2 {
            for (index, stream) in streams.iter_mut().enumerate() {
                write!(stream, "GET /{turn}/{index} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            }
            for (index, stream) in streams.iter_mut().enumerate() {
                let expected = format!("GET /{turn}/{index} ");
                let mut answer = String::new();
                while !answer.ends_with(&expected) {
                    let mut piece = [0; 512];
                    let count = stream.read(&mut piece).unwrap();
                    assert!(count > 0, "{answer}");
                    answer.push_str(str::from_utf8(&piece[..count]).unwrap());
                }
            }
        }
        drop(listener);
        for stream in &mut streams {
            assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)));
        }
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    }
}
