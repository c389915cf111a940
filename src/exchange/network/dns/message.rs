//! DNS messages (RFC 1035): a question for the addresses of a name, and what its answer says. Pure.
//!
//! An answer comes from a network that anybody may write to: every length is checked, a compressed name may only point
//! backwards, and an answer to another question is told apart from one that is damaged.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest name a message can hold, with the length of each label and the root.
const LONGEST_NAME: usize = 255;
/// More aliases in a row than any real name has; in a circle they would never end.
const MOST_ALIASES: usize = 16;

const CLASS_INTERNET: u16 = 1;
const TYPE_CNAME: u16 = 5;

/// Which record is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Record {
    A = 1,
    Aaaa = 28,
}

/// A question that was sent.
pub(super) struct Question {
    pub id: u16,
    /// In the form of a message: each label behind its length, in lower case, without the root.
    name: Vec<u8>,
    record: Record,
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// None where the name is there and has no record of this type.
    Addresses(Vec<IpAddr>),
    /// NXDOMAIN.
    NoSuchName,
    /// The server does not say: the response code, such as SERVFAIL or REFUSED.
    Failed(u8),
    /// It did not fit into a datagram.
    Truncated,
}

/// Why a message is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unusable {
    /// It does not answer this question: the right one may still come.
    NotOurs,
    /// It answers this question, and is damaged in this way.
    Damaged(&'static str),
}

impl Question {
    /// `None` for a name that no message can hold.
    pub fn new(id: u16, name: &str, record: Record) -> Option<Question> {
        let mut labels = Vec::with_capacity(name.len() + 1);
        for label in name.trim_end_matches('.').split('.') {
            let length = u8::try_from(label.len()).ok();
            labels.push(length.filter(|length| (1..=63).contains(length))?);
            labels.extend(label.bytes().map(|byte| byte.to_ascii_lowercase()));
        }
        let fits = labels.len() < LONGEST_NAME;
        fits.then_some(Question {
            id,
            name: labels,
            record,
        })
    }

    /// As it is sent in a datagram.
    pub fn message(&self) -> Vec<u8> {
        const RECURSION_DESIRED: u16 = 0x0100;
        let words = |words: &[u16]| -> Vec<u8> {
            words.iter().flat_map(|word| word.to_be_bytes()).collect()
        };
        let header = words(&[self.id, RECURSION_DESIRED, 1, 0, 0, 0]);
        let end = words(&[self.record as u16, CLASS_INTERNET]);
        [&header, self.name.as_slice(), &[0], &end].concat()
    }

    /// What a message says to this question.
    pub fn answer(&self, message: &[u8]) -> Result<Answer, Unusable> {
        const RESPONSE_AND_OPCODE: u16 = 0xf800;
        const RESPONSE: u16 = 0x8000;
        const TRUNCATED: u16 = 0x0200;
        let mut reader = Reader { message, at: 0 };
        let header = reader.header().ok_or(Unusable::NotOurs)?;
        if header.id != self.id || header.flags & RESPONSE_AND_OPCODE != RESPONSE {
            return Err(Unusable::NotOurs);
        }
        let code = (header.flags & 0x000f) as u8;
        // A server that could not read the question may leave it out.
        let repeated = header.questions == 1 && self.is_next(&mut reader);
        if !repeated && (header.questions > 0 || code == 0) {
            return Err(Unusable::NotOurs);
        }
        match code {
            _ if header.flags & TRUNCATED != 0 => Ok(Answer::Truncated),
            0 => self.addresses(&mut reader, header.answers),
            3 => Ok(Answer::NoSuchName),
            _ => Ok(Answer::Failed(code)),
        }
    }

    fn is_next(&self, reader: &mut Reader) -> bool {
        let mut read = || Some((reader.name()?, reader.u16()?, reader.u16()?));
        read().is_some_and(|(name, record, class)| {
            name == self.name && record == self.record as u16 && class == CLASS_INTERNET
        })
    }

    fn addresses(&self, reader: &mut Reader, count: u16) -> Result<Answer, Unusable> {
        let cut_short = Unusable::Damaged("a record is cut short or its name is malformed");
        let mut aliases = Vec::new();
        let mut found = Vec::new();
        for _ in 0..count {
            match reader.record().ok_or(cut_short)? {
                (owner, TYPE_CNAME, _, start) => {
                    let mut target = Reader {
                        at: start,
                        ..*reader
                    };
                    aliases.push((owner, target.name().ok_or(cut_short)?));
                }
                (owner, record, data, _) if record == self.record as u16 => {
                    let length = Unusable::Damaged("an address has the wrong length");
                    found.push((owner, address(data).ok_or(length)?));
                }
                _ => {}
            }
        }
        let name = canonical(&self.name, &aliases)
            .ok_or(Unusable::Damaged("its CNAME records form a circle"))?;
        let addresses = found.into_iter().filter(|(owner, _)| owner == name);
        Ok(Answer::Addresses(addresses.map(|(_, ip)| ip).collect()))
    }
}

/// The name at the end of the aliases; `None` where there is no end.
fn canonical<'a>(name: &'a Vec<u8>, aliases: &'a [(Vec<u8>, Vec<u8>)]) -> Option<&'a Vec<u8>> {
    let mut name = name;
    for _ in 0..=MOST_ALIASES {
        match aliases.iter().find(|(owner, _)| owner == name) {
            Some((_, target)) => name = target,
            None => return Some(name),
        }
    }
    None
}

fn address(data: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(data).map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes)));
    let v6 = || <[u8; 16]>::try_from(data).map(|bytes| IpAddr::V6(Ipv6Addr::from(bytes)));
    v4.or_else(|_| v6()).ok()
}

struct Header {
    id: u16,
    flags: u16,
    questions: u16,
    answers: u16,
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    message: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(length)?;
        let taken = self.message.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn header(&mut self) -> Option<Header> {
        let header = Header {
            id: self.u16()?,
            flags: self.u16()?,
            questions: self.u16()?,
            answers: self.u16()?,
        };
        self.take(4)?;
        Some(header)
    }

    /// Owner, type and data of a record, and where the data begins.
    fn record(&mut self) -> Option<(Vec<u8>, u16, &'a [u8], usize)> {
        let owner = self.name()?;
        let (record, class) = (self.u16()?, self.u16()?);
        self.take(4)?;
        let length = self.u16()?;
        let start = self.at;
        let data = self.take(length.into())?;
        // A record of another class is not the one that was asked for.
        let record = if class == CLASS_INTERNET { record } else { 0 };
        Some((owner, record, data, start))
    }

    /// A name, in lower case. A pointer leads to what stands before it alone, so that there is an end.
    fn name(&mut self) -> Option<Vec<u8>> {
        let mut name = Vec::new();
        let mut part = *self;
        let mut behind = None;
        let mut begins = self.at;
        loop {
            match part.take(1)?.first().copied()? {
                0 => break,
                length @ 1..=63 => {
                    name.push(length);
                    let label = part.take(length.into())?;
                    name.extend(label.iter().map(u8::to_ascii_lowercase));
                }
                high @ 0xc0.. => {
                    let low = part.take(1)?.first().copied()?;
                    behind = behind.or(Some(part.at));
                    let target = usize::from(high & 0x3f) << 8 | usize::from(low);
                    begins = Some(target).filter(|target| *target < begins)?;
                    part.at = target;
                }
                _ => return None,
            }
            if name.len() >= LONGEST_NAME {
                return None;
            }
        }
        self.at = behind.unwrap_or(part.at);
        Some(name)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    const OURS: u16 = 0x1234;

    fn question(record: Record) -> Question {
        Question::new(OURS, "Contoso.Documents.example", record).unwrap()
    }

    /// An answer to the question with these records, whose owners are written out.
    fn answered(flags: u16, records: &[(&str, u16, Vec<u8>)]) -> Vec<u8> {
        let mut message = question(Record::A).message();
        message[2..4].copy_from_slice(&flags.to_be_bytes());
        message[7] = records.len() as u8;
        for (owner, record, data) in records {
            message.extend(wire(owner));
            message.extend(record.to_be_bytes());
            message.extend([0, 1, 0, 0, 0, 60, 0, data.len() as u8]);
            message.extend(data);
        }
        message
    }

    fn wire(name: &str) -> Vec<u8> {
        let mut bytes = Question::new(0, name, Record::A).unwrap().name;
        bytes.push(0);
        bytes
    }

    fn read(message: &[u8]) -> Result<Answer, Unusable> {
        question(Record::A).answer(message)
    }

    const NAME: &str = "contoso.documents.example";

    #[test]
    fn a_question_is_as_the_standard_has_it() {
        assert_eq!(
            question(Record::Aaaa).message(),
            [
                &[0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 7][..],
                b"contoso\x09documents\x07example\0\0\x1c\0\x01",
            ]
            .concat()
        );
        let long = ["a"; 127].join(".");
        assert!(Question::new(0, &long, Record::A).is_some());
        for name in ["", ".", "a..b", &"a".repeat(64), &format!("{long}.a")] {
            assert!(Question::new(0, name, Record::A).is_none(), "{name}");
        }
    }

    #[test]
    fn addresses_are_those_at_the_end_of_the_aliases() {
        let records = [
            ("other.example", 1, vec![9, 9, 9, 9]),
            ("b.example", 1, vec![10, 0, 0, 1]),
            (NAME, 5, wire("A.example")),
            ("a.EXAMPLE", 5, wire("b.example")),
            ("b.example", 1, vec![10, 0, 0, 2]),
            ("b.example", 28, vec![0; 16]),
        ];
        let wanted = [[10, 0, 0, 1], [10, 0, 0, 2]].map(IpAddr::from);
        assert_eq!(
            read(&answered(0x8180, &records)),
            Ok(Answer::Addresses(wanted.to_vec()))
        );
        assert_eq!(
            read(&answered(0x8180, &[(NAME, 5, wire("a.example"))])),
            Ok(Answer::Addresses(vec![]))
        );
    }

    #[test]
    fn names_may_be_compressed() {
        let mut message = answered(0x8180, &[]);
        message[7] = 1;
        message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, 3]);
        let wanted = vec![IpAddr::from([10, 0, 0, 3])];
        assert_eq!(read(&message), Ok(Answer::Addresses(wanted)));
    }

    #[test]
    fn what_a_server_does_not_say_is_told_apart() {
        for (flags, answer) in [
            (0x8183, Answer::NoSuchName),
            (0x8182, Answer::Failed(2)),
            (0x8185, Answer::Failed(5)),
            (0x8380, Answer::Truncated),
        ] {
            assert_eq!(read(&answered(flags, &[])), Ok(answer), "{flags:x}");
        }
        let mut bare = answered(0x8181, &[])[..12].to_vec();
        bare[5] = 0;
        assert_eq!(read(&bare), Ok(Answer::Failed(1)));
    }

    #[test]
    fn an_answer_to_another_question_is_not_ours() {
        let ours = answered(0x8180, &[(NAME, 1, vec![10, 0, 0, 1])]);
        let changed = |at: usize, to: u8| {
            let mut message = ours.clone();
            message[at] = to;
            message
        };
        for message in [
            changed(0, 0xff),
            changed(2, 0x01),
            changed(2, 0x91),
            changed(5, 0),
            changed(5, 2),
            changed(13, b'x'),
            changed(40, 28),
            ours[..11].to_vec(),
            vec![],
        ] {
            assert_eq!(read(&message), Err(Unusable::NotOurs), "{message:?}");
        }
    }

    #[test]
    fn a_damaged_answer_is_an_error_and_never_a_loop() {
        let circle = [(NAME, 5, wire("a.example")), ("a.example", 5, wire(NAME))];
        let damaged = |message: &[u8]| matches!(read(message), Err(Unusable::Damaged(_)));
        assert!(damaged(&answered(0x8180, &circle)));
        assert!(damaged(&answered(0x8180, &[(NAME, 1, vec![1, 2, 3])])));
        let mut pointers = answered(0x8180, &[]);
        pointers[7] = 1;
        let end = pointers.len() as u8;
        for target in [end, end + 2, 0xff] {
            let mut message = pointers.clone();
            message.extend([0xc0, target, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, 3]);
            assert!(damaged(&message), "{target}");
        }
        // Wherever it is cut, and whichever byte is changed, it is read to an end.
        let whole = answered(
            0x8180,
            &[(NAME, 5, wire("a.b")), ("a.b", 1, vec![1, 2, 3, 4])],
        );
        for at in 12..whole.len() {
            assert!(read(&whole[..at]).is_err(), "{at}");
            for byte in [0, 1, 0x3f, 0x40, 0xc0, 0xff] {
                let mut message = whole.clone();
                message[at] = byte;
                let _ = read(&message);
            }
        }
    }
}
