//! Which proxy requests take, by the environment, and which hosts are reached without it. All values come from whatever
//! set the variables: none of them may end the program, and none is shown, since it may hold a password.

use std::net::IpAddr;

use url::Url;

/// In this order. `HTTP_PROXY` is not among them: what goes out is always `https`.
const VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// The proxy of the first variable that is set.
pub(super) fn configured() -> Result<Option<ureq::Proxy>, String> {
    for name in VARIABLES {
        if let Some(text) = variable(name)? {
            return proxy(name, &text).map(Some);
        }
    }
    Ok(None)
}

/// The value of a variable, without white space around it; `None` where nothing is left.
fn variable(name: &str) -> Result<Option<String>, String> {
    use std::env::VarError;
    match std::env::var(name) {
        Ok(text) => Ok(Some(text.trim().to_string()).filter(|text| !text.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(format!("{name} is not UTF-8")),
    }
}

/// The proxy that a text names. Without a scheme it is `http://`, and without a port the scheme's.
fn proxy(name: &str, text: &str) -> Result<ureq::Proxy, String> {
    let unusable = |why: &str| format!("{name} is not the URL of a proxy: {why}");
    let whole = match text.split_once("://") {
        Some((scheme, _)) => supported(name, scheme).map(|()| text.to_string())?,
        None => format!("http://{text}"),
    };
    let url = Url::parse(&whole).map_err(|e| unusable(&e.to_string()))?;
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    if host.is_empty() || port == 0 {
        return Err(unusable("it has no host, or port 0"));
    }
    let user = match (url.username(), url.password()) {
        ("", None) => String::new(),
        (user, None) => format!("{user}@"),
        (user, Some(password)) => format!("{user}:{password}@"),
    };
    let plain = format!("{}://{user}{host}:{port}", url.scheme());
    let proxy = ureq::Proxy::new(&plain);
    proxy.map_err(|_| unusable("its user name or password is not UTF-8"))
}

/// The schemes that ureq speaks to a proxy in; it would panic at another.
fn supported(name: &str, scheme: &str) -> Result<(), String> {
    let scheme = scheme.to_ascii_lowercase();
    match scheme.as_str() {
        "http" | "https" => Ok(()),
        socks if socks.starts_with("socks") => Err(format!(
            "{name} names a SOCKS proxy, which is not supported: a proxy is http:// or https://"
        )),
        _ => Err(format!(
            "{name} is not the URL of a proxy: it begins with neither http:// nor https://"
        )),
    }
}

/// What a request is sent to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Destination<'a> {
    /// A name or an address, with or without brackets.
    pub host: &'a str,
    pub port: u16,
}

/// Whether `NO_PROXY` names a destination.
pub(super) fn goes_direct(destination: Destination) -> Result<bool, String> {
    let names = match variable("NO_PROXY")? {
        None => variable("no_proxy")?,
        set => set,
    };
    Ok(names.is_some_and(|names| is_excluded(&names, destination)))
}

/// Entries are separated by commas or spaces. `*` stands for everything, a domain (with or without a dot or `*.` before
/// it) for itself and all below it, an address for itself, `10.0.0.0/8` for a network; `:443` behind one of these limits
/// it to that port.
fn is_excluded(entries: &str, destination: Destination) -> bool {
    let host = destination.host.trim_matches(['[', ']']);
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let mut entries = entries
        .split([',', ' ', '\t'])
        .filter(|entry| !entry.is_empty());
    entries.any(|entry| {
        let (entry, port) = split_port(entry);
        let has_port = port.is_none_or(|port| port.parse() == Ok(destination.port));
        has_port && covers(&entry.to_ascii_lowercase(), &host)
    })
}

/// An entry and the port behind it. An IPv6 address has one only where it stands in brackets.
fn split_port(entry: &str) -> (&str, Option<&str>) {
    if let Some((address, rest)) = entry
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        return (address, rest.strip_prefix(':'));
    }
    match entry.split_once(':') {
        Some((name, port)) if !port.contains(':') => (name, Some(port)),
        _ => (entry, None),
    }
}

fn covers(entry: &str, host: &str) -> bool {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return entry == "*" || covers_address(entry, ip);
    }
    let name = entry.trim_start_matches('*').trim_matches('.');
    match host.strip_suffix(name) {
        _ if entry == "*" => true,
        Some(rest) if !name.is_empty() => rest.is_empty() || rest.ends_with('.'),
        _ => false,
    }
}

fn covers_address(entry: &str, ip: IpAddr) -> bool {
    let Some((network, length)) = entry.split_once('/') else {
        return entry.parse() == Ok(ip);
    };
    let (Ok(network), Ok(length)) = (network.parse(), length.parse::<u32>()) else {
        return false;
    };
    match (network, ip) {
        (IpAddr::V4(network), IpAddr::V4(ip)) => {
            let differ = u128::from(network.to_bits() ^ ip.to_bits()) << 96;
            length <= 32 && begins_alike(differ, length)
        }
        (IpAddr::V6(network), IpAddr::V6(ip)) => {
            length <= 128 && begins_alike(network.to_bits() ^ ip.to_bits(), length)
        }
        _ => false,
    }
}

/// Whether none of the first bits differ.
fn begins_alike(differ: u128, length: u32) -> bool {
    differ.leading_zeros() >= length
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn no_proxy_names_hosts_domains_addresses_networks_and_ports() {
        let arm = "management.azure.com";
        for (entries, host, direct) in [
            ("azure.com", arm, true),
            (" .azure.com , x", arm, true),
            ("x .azure.com", arm, true),
            ("*.azure.com", arm, true),
            ("azure.com.", arm, true),
            ("Management.Azure.com", arm, true),
            ("management.azure.com", "Management.azure.com.", true),
            ("*", "anything", true),
            ("x,*", "10.0.0.1", true),
            ("zure.com", arm, false),
            ("*zure.com", arm, false),
            ("management.azure.com.evil", arm, false),
            ("", arm, false),
            (",", arm, false),
            (".", arm, false),
            ("*.", arm, false),
            ("azure.com:443", arm, true),
            (".azure.com:443", arm, true),
            ("azure.com:8080", arm, false),
            ("azure.com:", arm, false),
            ("azure.com:x", arm, false),
            ("*:443", arm, true),
            ("*:80", arm, false),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1:443", "10.0.0.1", true),
            ("10.0.0.1:80", "10.0.0.1", false),
            ("0.0.1", "10.0.0.1", false),
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.128.0.0/9", "10.127.0.1", false),
            ("0.0.0.0/0", "11.0.0.1", true),
            ("10.0.0.1/32", "10.0.0.1", true),
            ("10.0.0.1/33", "10.0.0.1", false),
            ("10.0.0.1/x", "10.0.0.1", false),
            ("10.0.0.0/8", arm, false),
            ("::1", "[::1]", true),
            ("[::1]", "[::1]", true),
            ("[::1]:443", "[::1]", true),
            ("[::1]:80", "[::1]", false),
            ("fd00::/8", "[fd12::1]", true),
            ("fd00::/8", "[fe80::1]", false),
            ("fd00::/129", "[fd00::]", false),
            ("::/0", "10.0.0.1", false),
        ] {
            let destination = Destination { host, port: 443 };
            assert_eq!(
                is_excluded(entries, destination),
                direct,
                "{entries} {host}"
            );
        }
    }

    #[test]
    fn a_proxy_is_named_with_or_without_scheme_user_and_port() {
        for (text, host, port, user) in [
            ("http://proxy.example:3128", "proxy.example", 3128, None),
            (
                "HTTP://Proxy.Example:3128/path?x#y",
                "proxy.example",
                3128,
                None,
            ),
            ("proxy.example:3128", "proxy.example", 3128, None),
            ("proxy.example", "proxy.example", 80, None),
            ("https://proxy.example", "proxy.example", 443, None),
            ("http://u:p%40ss@10.0.0.1:8080", "10.0.0.1", 8080, Some("u")),
            ("u:p@ss@proxy.example:1", "proxy.example", 1, Some("u")),
            ("http://u@[::1]:3128", "[::1]", 3128, Some("u")),
            ("[fd00::1]:3128", "[fd00::1]", 3128, None),
        ] {
            let found = proxy("HTTPS_PROXY", text).unwrap();
            assert_eq!((found.host(), found.port()), (host, port), "{text}");
            assert_eq!(found.username(), user, "{text}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_said_without_its_password() {
        for (text, said) in [
            (
                "socks5h://u:hidden@p:1080",
                "SOCKS proxy, which is not supported",
            ),
            ("socks5://p", "SOCKS"),
            ("SOCKS4A://p", "SOCKS"),
            ("socks://p", "SOCKS"),
            ("ftp://u:hidden@p", "neither http:// nor https://"),
            ("://p", "neither http:// nor https://"),
            ("http://", "empty host"),
            ("http://:3128", "empty host"),
            ("::::", "empty host"),
            ("http://p:99999", "invalid port"),
            ("http://p:0", "port 0"),
            ("http://p:x", "invalid port"),
            ("http://u:hid#den@p:3128", "invalid port"),
            ("http://u:%ff%fehidden@p:3128", "not UTF-8"),
            ("http://[::1", "IPv6"),
            ("http://a b", "invalid"),
            ("http://pröxy.example", "inter"),
            ("http://1.2.3.4.5", "IPv4"),
        ] {
            let error = proxy("ALL_PROXY", text).unwrap_err();
            assert!(error.starts_with("ALL_PROXY "), "{error}");
            assert!(error.contains(said), "{text}: {error}");
            assert!(!error.contains("hid"), "{error}");
        }
    }
}
