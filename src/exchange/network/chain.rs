//! Who signed a server's certificate: just enough of TLS 1.2 and of DER to read two names. Pure.
//!
//! In TLS 1.2 the certificates travel in the clear. Nothing here is believed: a name is shown, and that is all.
//!
//! <https://www.rfc-editor.org/rfc/rfc5246#section-7.4>

/// The names in a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// Whose it is.
    pub subject: String,
    /// Who says so.
    pub issuer: String,
}

/// What a server has said so far.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// Not enough.
    Part,
    /// Its certificates, its own first.
    Chain(Vec<Signed>),
    /// Something else, in words.
    Other(String),
}

/// A greeting that offers TLS 1.2 and nothing newer, in one record.
pub fn hello(host: &str, random: &[u8; 32]) -> Vec<u8> {
    const SUITES: [u16; 12] = [
        0xc02b, 0xc02c, 0xc02f, 0xc030, 0xcca9, 0xcca8, 0xc009, 0xc013, 0xc00a, 0xc014, 0x009c,
        0x002f,
    ];
    let words = |words: &[u16]| {
        words
            .iter()
            .flat_map(|word| word.to_be_bytes())
            .collect::<Vec<u8>>()
    };
    let name = [&[0], sized(2, host.as_bytes()).as_slice()].concat();
    let extension =
        |kind: u16, body: &[u8]| [&kind.to_be_bytes(), sized(2, body).as_slice()].concat();
    let extensions = [
        extension(0, &sized(2, &name)), // server_name
        extension(10, &sized(2, &words(&[0x001d, 0x0017, 0x0018]))), // supported_groups
        extension(11, &[1, 0]),         // ec_point_formats
        extension(
            13,
            &sized(
                2,
                &words(&[
                    0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0601, 0x0201,
                ]),
            ),
        ), // signature_algorithms
    ];
    let body = [
        &[3, 3],
        random.as_slice(),
        &[0],
        &sized(2, &words(&SUITES)),
        &[1, 0],
        &sized(2, &extensions.concat()),
    ];
    let message = [&[1], sized(3, &body.concat()).as_slice()].concat();
    [&[22, 3, 1], sized(2, &message).as_slice()].concat()
}

/// Bytes behind their number, which takes so many bytes itself.
fn sized(width: usize, bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len().to_be_bytes();
    let length = length
        .get(length.len().saturating_sub(width)..)
        .unwrap_or_default();
    [length, bytes].concat()
}

/// Takes so many bytes off the front.
fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(count)?;
    *rest = left;
    Some(taken)
}

/// Takes a number of so many bytes, and as many bytes as it says.
fn take_sized<'a>(rest: &mut &'a [u8], width: usize) -> Option<&'a [u8]> {
    let number = take(rest, width)?
        .iter()
        .fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
    take(rest, number)
}

/// Reads what came over the connection. Records may cut messages anywhere.
pub fn heard(mut stream: &[u8]) -> Heard {
    let mut messages = Vec::new();
    while let Some(head) = take(&mut stream, 3) {
        let body = take_sized(&mut stream, 2);
        match (head, body) {
            ([21, 3, _], Some([_, reason])) => return Heard::Other(alert(*reason)),
            ([22, 3, _], Some(body)) => messages.extend_from_slice(body),
            ([21 | 22, 3, _], None) => break,
            _ => return Heard::Other("what answers there does not speak TLS".into()),
        }
    }
    certificates(&messages).map_or(Heard::Part, Heard::Chain)
}

fn alert(reason: u8) -> String {
    match reason {
        40 | 70 => "the server does not speak TLS 1.2".into(),
        112 => "the server does not know the name".into(),
        other => format!("the server ended the handshake (alert {other})"),
    }
}

/// The certificates among the messages, once they are whole; those that cannot be read are left out.
fn certificates(mut messages: &[u8]) -> Option<Vec<Signed>> {
    loop {
        let kind = take(&mut messages, 1)?;
        let mut body = take_sized(&mut messages, 3)?;
        if kind == [11] {
            let mut list = take_sized(&mut body, 3)?;
            let each = std::iter::from_fn(|| take_sized(&mut list, 3));
            return Some(each.filter_map(names).collect());
        }
    }
}

/// Subject and issuer of a certificate.
fn names(certificate: &[u8]) -> Option<Signed> {
    let mut outer = element(&mut &*certificate)?.1;
    let mut inner = element(&mut outer)?.1;
    // The version is left out where it is the first.
    if element(&mut inner)?.0 == 0xa0 {
        element(&mut inner)?;
    }
    element(&mut inner)?; // the algorithm
    let issuer = name(element(&mut inner)?.1);
    element(&mut inner)?; // from when to when
    let subject = name(element(&mut inner)?.1);
    Some(Signed { subject, issuer })
}

/// Takes a tag and its content.
fn element<'a>(rest: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let [tag, length] = *take(rest, 2)?.first_chunk::<2>()?;
    let count = match length {
        0..=0x7f => return Some((tag, take(rest, usize::from(length))?)),
        0x81..=0x83 => usize::from(length & 0x7f),
        _ => return None,
    };
    Some((tag, take_sized(rest, count)?))
}

/// `CN=…, O=…`: the parts people know a name by.
fn name(mut parts: &[u8]) -> String {
    const KNOWN: [(&[u8], &str); 3] = [
        (&[0x55, 4, 3], "CN"),
        (&[0x55, 4, 10], "O"),
        (&[0x55, 4, 11], "OU"),
    ];
    let mut found: Vec<(&[u8], &[u8])> = Vec::new();
    while let Some((_, mut set)) = element(&mut parts) {
        let pair = element(&mut set)
            .and_then(|(_, mut pair)| Some((element(&mut pair)?.1, element(&mut pair)?.1)));
        found.extend(pair);
    }
    let mut texts: Vec<String> = Vec::new();
    for (kind, label) in KNOWN {
        let of_kind = found.iter().filter(|(known, _)| *known == kind);
        texts.extend(of_kind.map(|(_, text)| format!("{label}={}", String::from_utf8_lossy(text))));
    }
    texts.join(", ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    /// What a server said to our greeting: a leaf by an authority of its own, recorded.
    fn flight() -> Vec<u8> {
        let text: Vec<u8> = include_bytes!("../../../fixtures/tls/inspected.hex").to_vec();
        let digits: Vec<u8> = text.into_iter().filter(u8::is_ascii_hexdigit).collect();
        let pair =
            |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.chunks(2).map(pair).collect()
    }

    fn chain() -> Heard {
        let authority = "CN=Fabrikam TLS Inspection CA, O=Fabrikam, OU=Network";
        let signed = |subject: &str| Signed {
            subject: subject.into(),
            issuer: authority.into(),
        };
        Heard::Chain(vec![
            signed("CN=acct1.documents.azure.com, O=Größe AG"),
            signed(authority),
        ])
    }

    #[test]
    fn names_are_read_once_they_are_there() {
        let flight = flight();
        assert_eq!(heard(&flight), chain());
        let whole = (0..flight.len())
            .find(|end| heard(&flight[..*end]) != Heard::Part)
            .unwrap();
        assert!(whole > 900, "{whole}");
        assert_eq!(heard(&flight[..whole]), chain());
    }

    #[test]
    fn records_may_cut_messages_anywhere() {
        let mut messages = Vec::new();
        let flight = flight();
        let mut rest = flight.as_slice();
        while let Some([22, 3, 3]) = take(&mut rest, 3) {
            messages.extend_from_slice(take_sized(&mut rest, 2).unwrap());
        }
        let records = messages
            .chunks(7)
            .flat_map(|part| [&[22, 3, 3], sized(2, part).as_slice()].concat());
        assert_eq!(heard(&records.collect::<Vec<_>>()), chain());
    }

    #[test]
    fn no_byte_that_is_wrong_stops_the_program() {
        let flight = flight();
        for at in 0..flight.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut other = flight.clone();
                other[at] ^= change;
                let _ = heard(&other);
            }
        }
        assert_eq!(heard(&[]), Heard::Part);
        assert_eq!(
            heard(&[22, 3, 3, 0xff, 0xff, 11, 0xff, 0xff, 0xff]),
            Heard::Part
        );
        assert!(matches!(heard(b"HTTP/1.1 400"), Heard::Other(_)));
    }

    #[test]
    fn a_greeting_states_its_lengths_and_no_newer_version() {
        let hello = hello("acct1.documents.azure.com", &[7; 32]);
        let mut rest = hello.as_slice();
        assert_eq!(take(&mut rest, 3), Some([22, 3, 1].as_slice()));
        let mut message = take_sized(&mut rest, 2).unwrap();
        assert!(rest.is_empty());
        assert_eq!(take(&mut message, 1), Some([1].as_slice()));
        let mut body = take_sized(&mut message, 3).unwrap();
        assert!(message.is_empty());
        assert_eq!(take(&mut body, 2), Some([3, 3].as_slice()));
        assert_eq!(take(&mut body, 32), Some([7; 32].as_slice()));
        for width in [1, 2, 1] {
            take_sized(&mut body, width).unwrap();
        }
        let mut extensions = take_sized(&mut body, 2).unwrap();
        assert!(body.is_empty());
        let kinds: Vec<u8> = std::iter::from_fn(|| {
            let kind = take(&mut extensions, 2)?[1];
            take_sized(&mut extensions, 2).map(|_| kind)
        })
        .collect();
        assert_eq!(kinds, [0, 10, 11, 13]);
    }
}
