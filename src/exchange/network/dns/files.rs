//! `/etc/resolv.conf` and `/etc/hosts`, read as glibc reads them. Pure.

use std::net::IpAddr;
use std::time::Duration;

/// glibc asks no more servers than this.
const MOST_SERVERS: usize = 3;

/// What `/etc/resolv.conf` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Configuration {
    /// In the order in which they are asked.
    pub servers: Vec<IpAddr>,
    /// What is tried behind a name.
    pub search: Vec<String>,
    /// A name with as many dots is first tried as it stands.
    pub dots: usize,
    /// How long an answer of one server is waited for.
    pub timeout: Duration,
    /// How often each server is asked.
    pub attempts: u32,
}

impl Configuration {
    /// From the text of the file; what is not understood is passed over.
    pub fn read(text: &str) -> Configuration {
        let mut found = Configuration {
            servers: Vec::new(),
            search: Vec::new(),
            dots: 1,
            timeout: Duration::from_secs(5),
            attempts: 2,
        };
        for line in text.lines().filter(|line| !line.starts_with(['#', ';'])) {
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("nameserver") => found.servers.extend(words.next().and_then(server)),
                Some("domain") => found.search = words.take(1).map(str::to_string).collect(),
                Some("search") => found.search = words.map(str::to_string).collect(),
                Some("options") => words.for_each(|option| found.option(option)),
                _ => {}
            }
        }
        found.servers.truncate(MOST_SERVERS);
        if found.servers.is_empty() {
            found.servers.push(IpAddr::from([127, 0, 0, 1]));
        }
        found
    }

    fn option(&mut self, option: &str) {
        let (name, number) = option.split_once(':').unwrap_or((option, ""));
        let Ok(number) = number.parse::<u32>() else {
            return;
        };
        match name {
            "ndots" => self.dots = number.min(15) as usize,
            "timeout" => self.timeout = Duration::from_secs(number.clamp(1, 30).into()),
            "attempts" => self.attempts = number.clamp(1, 5),
            _ => {}
        }
    }

    /// The names that are asked for, one after another, until one of them is there.
    pub fn candidates(&self, name: &str) -> Vec<String> {
        if let Some(absolute) = name.strip_suffix('.') {
            return vec![absolute.to_string()];
        }
        let dots = name.bytes().filter(|byte| *byte == b'.').count();
        let behind = |domain: &String| match domain.trim_matches('.') {
            "" => name.to_string(),
            domain => format!("{name}.{domain}"),
        };
        let mut names: Vec<String> = self.search.iter().map(behind).collect();
        let place = if dots >= self.dots { 0 } else { names.len() };
        names.insert(place, name.to_string());
        names
    }
}

fn server(word: &str) -> Option<IpAddr> {
    word.parse().ok()
}

/// The addresses that `/etc/hosts` gives to a name.
pub(super) fn in_hosts(text: &str, name: &str) -> Vec<IpAddr> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let read = |line: &str| {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_ascii_whitespace();
        let address = words.next()?.parse().ok()?;
        words
            .any(|word| word.eq_ignore_ascii_case(name))
            .then_some(address)
    };
    text.lines().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_and_options_are_read_as_glibc_reads_them() {
        let text = "# a comment\n; another\nnameserver 10.0.0.1\n nameserver 10.0.0.2 # near\nnameserver fd00::53\n\
            nameserver 10.0.0.4\nnameserver nonsense\ndomain one.example\nsearch two.example three.example\n\
            options ndots:5 timeout:2 attempts:9 rotate edns0 ndots:x\nunknown\n";
        let found = Configuration::read(text);
        let servers: Vec<String> = found.servers.iter().map(IpAddr::to_string).collect();
        assert_eq!(servers, ["10.0.0.1", "10.0.0.2", "fd00::53"]);
        assert_eq!(found.search, ["two.example", "three.example"]);
        assert_eq!((found.dots, found.attempts), (5, 5));
        assert_eq!(found.timeout, Duration::from_secs(2));
    }

    #[test]
    fn without_a_server_this_machine_is_asked() {
        for text in ["", "nameserver\n", "search a.example\r\n"] {
            let found = Configuration::read(text);
            assert_eq!(found.servers, [IpAddr::from([127, 0, 0, 1])], "{text}");
            assert_eq!(
                (found.dots, found.attempts, found.timeout.as_secs()),
                (1, 2, 5)
            );
        }
    }

    #[test]
    fn a_name_is_searched_for_by_the_number_of_its_dots() {
        let text = "search one.example two.example\noptions ndots:2\n";
        let found = Configuration::read(text);
        for (name, names) in [
            ("a", "a.one.example a.two.example a"),
            ("a.b", "a.b.one.example a.b.two.example a.b"),
            ("a.b.c", "a.b.c a.b.c.one.example a.b.c.two.example"),
            ("a.", "a"),
        ] {
            assert_eq!(found.candidates(name).join(" "), names);
        }
    }

    #[test]
    fn hosts_are_found_by_each_of_their_names() {
        let text = "127.0.0.1 localhost\n10.0.0.7\tdb.example DB # db2\n# 10.0.0.8 db\nfd00::7 db\nx db\n\n10.0.0.9\n";
        for (name, addresses) in [
            ("db", "10.0.0.7 fd00::7"),
            ("DB.example.", "10.0.0.7"),
            ("db2", ""),
            ("10.0.0.9", ""),
        ] {
            let found: Vec<String> = in_hosts(text, name).iter().map(IpAddr::to_string).collect();
            assert_eq!(found.join(" "), addresses, "{name}");
        }
    }
}
