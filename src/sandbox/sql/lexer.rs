//! Query text to tokens.

use super::SyntaxError;
use super::value::{Number, Value};

/// What a token is.
#[derive(Debug, Clone)]
pub enum Kind {
    /// An identifier or a keyword, as written.
    Word(String),
    /// A string literal, unescaped.
    Text(String),
    /// A number literal.
    Number(Number),
    /// A parameter, with its `@`.
    Parameter(String),
    /// An operator or a bracket.
    Symbol(&'static str),
    /// The end of the text.
    End,
}

/// A token and where it is, in characters.
#[derive(Debug, Clone)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Its first character.
    pub start: usize,
    /// The character after its last.
    pub end: usize,
}

/// Longest first: the first that fits is taken.
const SYMBOLS: &[&str] = &[
    ">>>", "<<", ">>", "<=", ">=", "<>", "!=", "??", "||", "(", ")", "[", "]", "{", "}", ",", ".",
    ":", "?", "=", "<", ">", "+", "-", "*", "/", "%", "&", "|", "^", "~",
];

/// The tokens of a query, the last of them `End`.
pub fn tokens(text: &[char]) -> Result<Vec<Token>, SyntaxError> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blank();
        let start = lexer.at;
        let kind = lexer.token()?;
        let last = matches!(kind, Kind::End);
        tokens.push(Token {
            kind,
            start,
            end: lexer.at,
        });
        if last {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    text: &'a [char],
    at: usize,
}

fn starts_word(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.text.get(self.at.saturating_add(ahead)).copied()
    }

    fn rest(&self) -> &[char] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> String {
        let taken: String = self
            .rest()
            .iter()
            .copied()
            .take_while(|c| fits(*c))
            .collect();
        self.at += taken.chars().count();
        taken
    }

    fn skip_blank(&mut self) {
        loop {
            self.take_while(char::is_whitespace);
            if self.peek(0) != Some('-') || self.peek(1) != Some('-') {
                return;
            }
            self.take_while(|c| c != '\n' && c != '\r');
        }
    }

    fn token(&mut self) -> Result<Kind, SyntaxError> {
        match self.peek(0) {
            None => Ok(Kind::End),
            Some(c) if starts_word(c) => Ok(Kind::Word(self.take_while(in_word))),
            Some(c) if c.is_ascii_digit() => self.number(),
            Some(quote @ ('"' | '\'')) => self.string(quote),
            Some('@') if self.peek(1).is_some_and(starts_word) => {
                self.at += 1;
                Ok(Kind::Parameter(format!("@{}", self.take_while(in_word))))
            }
            Some(c) => self.symbol(c),
        }
    }

    fn symbol(&mut self, c: char) -> Result<Kind, SyntaxError> {
        let rest = self.rest();
        let found = SYMBOLS.iter().find(|symbol| {
            symbol
                .chars()
                .enumerate()
                .all(|(i, c)| rest.get(i) == Some(&c))
        });
        match found {
            Some(symbol) => {
                self.at += symbol.len();
                Ok(Kind::Symbol(symbol))
            }
            None => {
                let message = format!("Syntax error, invalid token '{c}'.");
                Err(SyntaxError::new("SC1010", message, self.at, self.at + 1))
            }
        }
    }

    fn number(&mut self) -> Result<Kind, SyntaxError> {
        let start = self.at;
        let number = match self.peek(1) {
            Some('x' | 'X') => self.hexadecimal(),
            _ => self.decimal(),
        };
        number.map(Kind::Number).ok_or_else(|| {
            let token: String = self
                .text
                .get(start..self.at)
                .unwrap_or_default()
                .iter()
                .collect();
            let message = format!("Syntax error, invalid numeric value token '{token}'.");
            SyntaxError::new("SC1011", message, start, self.at)
        })
    }

    fn hexadecimal(&mut self) -> Option<Number> {
        self.at += 2;
        let digits = self.take_while(|c| c.is_ascii_alphanumeric());
        match Value::integer(u64::from_str_radix(&digits, 16).ok()?.into()) {
            Value::Number(n) => Some(n),
            _ => None,
        }
    }

    fn decimal(&mut self) -> Option<Number> {
        let mut text = self.take_while(|c| c.is_ascii_digit());
        if self.peek(0) == Some('.') {
            self.at += 1;
            text.push('.');
            text.push_str(&self.take_while(|c| c.is_ascii_digit()));
        }
        if matches!(self.peek(0), Some('e' | 'E')) {
            self.at += 1;
            text.push('e');
            if let Some(sign @ ('+' | '-')) = self.peek(0) {
                self.at += 1;
                text.push(sign);
            }
            text.push_str(&self.take_while(|c| c.is_ascii_digit()));
        }
        let integer = text.parse().map(Number::Int).ok();
        let integer = integer.or_else(|| text.parse().map(Number::UInt).ok());
        integer.or_else(|| {
            text.parse()
                .ok()
                .filter(|n: &f64| n.is_finite())
                .map(Number::Float)
        })
    }

    fn string(&mut self, quote: char) -> Result<Kind, SyntaxError> {
        let start = self.at;
        self.at += 1;
        self.unquote(quote).map(Kind::Text).ok_or_else(|| {
            let token: String = self
                .text
                .get(start..self.at)
                .unwrap_or_default()
                .iter()
                .collect();
            let message = format!("Syntax error, invalid string literal token '{token}'.");
            SyntaxError::new("SC1012", message, start, self.at)
        })
    }

    fn unquote(&mut self, quote: char) -> Option<String> {
        let mut units = Vec::new();
        loop {
            let c = self.peek(0)?;
            self.at += 1;
            match c {
                c if c == quote => return Some(String::from_utf16_lossy(&units)),
                '\\' => units.push(self.escape()?),
                c => units.extend_from_slice(c.encode_utf16(&mut [0; 2])),
            }
        }
    }

    fn escape(&mut self) -> Option<u16> {
        let c = self.peek(0)?;
        self.at += 1;
        let plain = match c {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            '\\' | '/' | '\'' | '"' => c,
            'u' => return self.code_unit(),
            _ => return None,
        };
        u16::try_from(u32::from(plain)).ok()
    }

    fn code_unit(&mut self) -> Option<u16> {
        let digits: String = self.rest().iter().take(4).collect();
        self.at += digits.chars().count();
        let hex = digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        u16::from_str_radix(&digits, 16).ok().filter(|_| hex)
    }
}
