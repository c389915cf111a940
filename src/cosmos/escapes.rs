//! JSON text without escapes that it does not need. The service measures what it receives: CJK text of 1.2 MB is 2.4 MB
//! as `\uXXXX`.

use std::borrow::Cow;

/// Writes `\uXXXX` as the character it stands for, and nothing else differently: control characters, quotes, backslashes
/// and halves of a surrogate pair stay escapes.
///
/// ```
/// use rawcosmos::cosmos::escapes::as_utf8;
/// assert_eq!(as_utf8(r#"{"a":"\u65e5\ud83d\ude00\n\u0022\ud800"}"#), r#"{"a":"日😀\n\u0022\ud800"}"#);
/// ```
pub fn as_utf8(json: &str) -> Cow<'_, str> {
    if !json.contains("\\u") {
        return Cow::Borrowed(json);
    }
    let mut text = String::with_capacity(json.len());
    let mut rest = json;
    while let Some((before, from)) = rest.find('\\').and_then(|at| rest.split_at_checked(at)) {
        text.push_str(before);
        let (length, character) = escape(from);
        let (escaped, after) = from.split_at_checked(length).unwrap_or((from, ""));
        match character {
            Some(character) => text.push(character),
            None => text.push_str(escaped),
        }
        rest = after;
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// The length of the escape the text begins with, and the character to write for it.
fn escape(text: &str) -> (usize, Option<char>) {
    let Some(first) = unit(text, 0) else {
        return (2, None);
    };
    let pair = unit(text, 6).map(|second| char::decode_utf16([first, second]).next());
    match (char::from_u32(first.into()), pair) {
        (Some('\0'..='\x1f' | '"' | '\\'), _) => (6, None),
        (Some(character), _) => (6, Some(character)),
        (None, Some(Some(Ok(character)))) => (12, Some(character)),
        (None, _) => (6, None),
    }
}

/// The UTF-16 unit that is escaped there.
fn unit(text: &str, at: usize) -> Option<u16> {
    let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
    let hexadecimal = digits.bytes().all(|b| b.is_ascii_hexdigit());
    u16::from_str_radix(digits, 16).ok().filter(|_| hexadecimal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_escapes_of_characters_that_need_none_are_written_as_utf_8() {
        for (sent, written) in [
            (r#"{"a":1.50, "b" : "\u00fc"}"#, r#"{"a":1.50, "b" : "ü"}"#),
            (
                r#""\u0000\u001F\u0022\u005c\u007f""#,
                "\"\\u0000\\u001F\\u0022\\u005c\u{7f}\"",
            ),
            (
                r#""\ud83d\ude00\ud83d\ud83d\ude00\ude00""#,
                r#""😀\ud83d😀\ude00""#,
            ),
            (r#""\\u65e5\\\u65e5\/\n""#, r#""\\u65e5\\日\/\n""#),
            (r#""\ud83d\u65e5""#, r#""\ud83d日""#),
            (r#""日\t""#, r#""日\t""#),
            ("\\", "\\"),
            ("\\u12", "\\u12"),
        ] {
            assert_eq!(as_utf8(sent), written);
            assert_eq!(as_utf8(written), written);
        }
    }
}
