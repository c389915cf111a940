//! What every bench is measured against: the same exchanges with nothing but a socket.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// One connection of a client that knows nothing but how an answer ends.
pub struct Bare {
    reader: BufReader<TcpStream>,
}

impl Bare {
    pub fn connect(origin: &str) -> Bare {
        let stream = TcpStream::connect(origin.trim_start_matches("http://")).unwrap();
        stream.set_nodelay(true).unwrap();
        Bare {
            reader: BufReader::new(stream),
        }
    }

    /// Sends a head and returns the body of the answer.
    pub fn get(&mut self, head: &str) -> Vec<u8> {
        self.reader.get_mut().write_all(head.as_bytes()).unwrap();
        let (mut line, mut length) = (String::new(), None);
        loop {
            line.clear();
            self.reader.read_line(&mut line).unwrap();
            match line.trim_end().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.parse().ok();
                }
                None if line == "\r\n" => break,
                _ => {}
            }
        }
        match length {
            Some(length) => self.exactly(length),
            None => self.chunks(),
        }
    }

    fn exactly(&mut self, length: usize) -> Vec<u8> {
        let mut body = vec![0; length];
        self.reader.read_exact(&mut body).unwrap();
        body
    }

    fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let mut size = String::new();
            self.reader.read_line(&mut size).unwrap();
            let size = usize::from_str_radix(size.trim_end(), 16).unwrap();
            body.extend(self.exactly(size));
            self.exactly(2);
            if size == 0 {
                return body;
            }
        }
    }
}

/// The head that asks for a token for the data plane.
pub fn token_head(origin: &str) -> String {
    let host = origin.trim_start_matches("http://");
    format!(
        "GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fcosmos.azure.com HTTP/1.1\r\nHost: {host}\r\nMetadata: true\r\n\r\n"
    )
}

/// The head that reads the item of the benches.
pub fn read_head(origin: &str, token: &str, date: &str) -> String {
    let host = origin.trim_start_matches("http://");
    format!(
        "GET /dbs/shop/colls/orders/docs/1 HTTP/1.1\r\nHost: {host}\r\nx-ms-version: 2020-07-15\r\nx-ms-date: {date}\r\nx-ms-documentdb-partitionkey: [\"a\"]\r\nAuthorization: type%3Daad%26ver%3D1.0%26sig%3D{token}\r\n\r\n"
    )
}

/// The token in an answer of the metadata service.
pub fn token_of(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let (_, rest) = text.split_once("\"access_token\":\"").unwrap();
    rest.split('"').next().unwrap().to_string()
}
