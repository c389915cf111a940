//! Texts of the table with facts filled in, or with a name in capitals where a fact would stand.

use super::facts::Facts;
use crate::show::quote;

impl Facts {
    /// A sentence with its facts; `None` where one is not known outside `[…]`.
    pub fn sentence(&self, template: &str) -> Option<String> {
        if template.is_empty() {
            return None;
        }
        self.optional(template, &|name| self.get(name).map(str::to_string))
    }

    /// A command with its facts as words for a shell; what is not known stands in capitals.
    pub fn command(&self, template: &str) -> Option<String> {
        let known = |name: &str| match name {
            // These are words for a shell already.
            "again" => self.get(name).map(str::to_string),
            _ => self.get(name).map(quote),
        };
        match template.strip_prefix('?') {
            Some(template) => self.optional(template, &known),
            None => {
                let capitals = |name: &str| known(name).or(Some(name.to_ascii_uppercase()));
                self.parts(template, &known, &capitals)
            }
        }
    }

    fn optional(&self, template: &str, known: Lookup) -> Option<String> {
        self.parts(template, known, known)
    }

    /// Fills the parts in brackets by one rule and the rest by another.
    fn parts(&self, template: &str, inside: Lookup, outside: Lookup) -> Option<String> {
        let (before, rest) = template.split_once('[').unwrap_or((template, ""));
        let mut text = fill(before, outside)?;
        if let Some((part, rest)) = rest.split_once(']') {
            text.push_str(&fill(part, inside).unwrap_or_default());
            text.push_str(&self.parts(rest, inside, outside)?);
        }
        Some(text)
    }

    /// A text for whoever asks without an error at hand: every fact is its name in capitals.
    pub fn outline(template: &str) -> Option<String> {
        let template = template.strip_prefix('?').unwrap_or(template);
        let capitals = |name: &str| Some(name.to_ascii_uppercase());
        let text = Facts::default().parts(template, &capitals, &capitals);
        text.filter(|text| !text.is_empty())
    }
}

type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

fn fill(template: &str, known: Lookup) -> Option<String> {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, tail) = after.split_once('}')?;
        text.push_str(before);
        text.push_str(&known(name)?);
        rest = tail;
    }
    Some(text + rest)
}
