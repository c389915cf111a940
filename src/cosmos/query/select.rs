//! The names of the properties that the rows of a query have, by its SELECT list. Only what is plain to see is read: of
//! any other query there are none.

use super::Query;

/// A word, a text in quotes, or a character.
#[derive(Debug, Clone, PartialEq)]
enum Token<'t> {
    Word(&'t str),
    Quoted(&'t str),
    Mark(char),
}

impl Query {
    /// The names in the order of the list; none where it has `*` or `VALUE`, or an expression without a name.
    pub fn columns(&self) -> Vec<String> {
        listed(&self.text).unwrap_or_default()
    }
}

fn listed(text: &str) -> Option<Vec<String>> {
    let tokens = tokens(text)?;
    let (first, mut rest) = tokens.split_first()?;
    if !is_word(first, "SELECT") {
        return None;
    }
    loop {
        rest = match rest {
            [word, rest @ ..] if is_word(word, "DISTINCT") => rest,
            [word, Token::Word(_), rest @ ..] if is_word(word, "TOP") => rest,
            [word, Token::Mark('@'), Token::Word(_), rest @ ..] if is_word(word, "TOP") => rest,
            _ => break,
        };
    }
    let mut names = Vec::new();
    loop {
        let end = end_of_part(rest);
        let (part, behind) = rest.split_at(end);
        names.push(name_of(part)?);
        match behind.split_first() {
            Some((Token::Mark(','), behind)) => rest = behind,
            _ => return Some(names),
        }
    }
}

fn is_word(token: &Token, word: &str) -> bool {
    matches!(token, Token::Word(found) if found.eq_ignore_ascii_case(word))
}

/// Where a part of the list ends: at a comma or a clause that is in no bracket.
fn end_of_part(tokens: &[Token]) -> usize {
    let mut depth = 0_u32;
    tokens
        .iter()
        .position(|token| {
            match token {
                Token::Mark('(' | '[' | '{') => depth += 1,
                Token::Mark(')' | ']' | '}') => depth = depth.saturating_sub(1),
                _ => {}
            }
            let clause = ["FROM", "WHERE", "ORDER", "GROUP", "OFFSET"];
            let ends = *token == Token::Mark(',') || clause.iter().any(|word| is_word(token, word));
            depth == 0 && ends
        })
        .unwrap_or(tokens.len())
}

/// The name that a part gives its property.
fn name_of(part: &[Token]) -> Option<String> {
    match part {
        [] | [Token::Mark('*')] => None,
        [word, ..] if is_word(word, "VALUE") && part.len() > 1 => None,
        [Token::Word(name)] => Some((*name).to_string()),
        [.., word, Token::Word(name)] if is_word(word, "AS") => Some((*name).to_string()),
        [.., Token::Mark('.'), Token::Word(name)] if is_path(part) => Some((*name).to_string()),
        [.., Token::Mark('['), Token::Quoted(name), Token::Mark(']')]
            if is_path(part) && !name.contains('\\') =>
        {
            Some((*name).to_string())
        }
        _ => None,
    }
}

fn is_path(part: &[Token]) -> bool {
    let mut before = None;
    part.iter().all(|token| {
        let fits = match token {
            Token::Mark('.' | '[') => before.is_some(),
            Token::Mark(']') => true,
            Token::Quoted(_) => before == Some(&Token::Mark('[')),
            Token::Word(_) => matches!(before, None | Some(Token::Mark('.' | '['))),
            Token::Mark(_) => false,
        };
        before = Some(token);
        fits
    })
}

/// The text in parts; nothing where it has a comment or a quote without its end.
fn tokens(text: &str) -> Option<Vec<Token<'_>>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let of_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        let length = match first {
            '\'' | '"' => {
                let inner = rest.get(1..)?;
                let mut escaped = false;
                let end = inner.find(|c| {
                    let ends = c == first && !escaped;
                    escaped = c == '\\' && !escaped;
                    ends
                })?;
                tokens.push(Token::Quoted(inner.get(..end)?));
                end + 2
            }
            _ if of_word(first) => {
                let end = rest.find(|c| !of_word(c)).unwrap_or(rest.len());
                tokens.push(Token::Word(rest.get(..end)?));
                end
            }
            _ if rest.starts_with("--") || rest.starts_with("/*") => return None,
            mark => {
                tokens.push(Token::Mark(mark));
                mark.len_utf8()
            }
        };
        rest = rest.get(length..)?.trim_start();
    }
    Some(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_its_properties_or_nothing_is_said() {
        let cases: &[(&str, &[&str])] = &[
            ("SELECT c.id, c.name AS n FROM c", &["id", "n"]),
            (
                "select top 5 c.a.b , c['x y'] , c FROM c where c.from = 1",
                &["b", "x y", "c"],
            ),
            (
                "SELECT DISTINCT TOP @n COUNT(1) AS count, {'a': c.x, 'b': 2} AS o FROM c",
                &["count", "o"],
            ),
            ("SELECT c.a", &["a"]),
            ("SELECT * FROM c", &[]),
            ("SELECT VALUE c.id FROM c", &[]),
            ("SELECT c.id, c.n + 1 FROM c", &[]),
            ("SELECT c.id, f(c.x).y FROM c", &[]),
            ("SELECT c.id /* , c.x */ FROM c", &[]),
            ("SELECT c.id, 'open FROM c", &[]),
            ("SELECT", &[]),
            ("", &[]),
        ];
        for (text, names) in cases {
            assert_eq!(Query::new(*text).columns(), *names, "{text}");
        }
    }
}
