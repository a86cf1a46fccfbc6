//! Just enough of Rust's lexical structure to find attributes in source text.
//!
//! Not the compiler's own lexer: inside a procedural macro that one reports what it cannot read as an error
//! of the user's, and `peek` tries texts that need not be readable.

/// A token, and the text behind it.
pub(crate) enum Token {
    Open,
    Close,
    Hash,
    Dollar,
    /// An identifier, a keyword or a number.
    Word,
    /// A string, a character or a lifetime.
    Quoted,
    Other,
}

/// The first token of the text with what follows it; nothing at the end, or in front of what cannot be read.
pub(crate) fn token(text: &str) -> Option<(Token, &str)> {
    let text = skip_blank(text)?;
    let first = text.chars().next()?;
    if let Some(rest) = string(text) {
        return Some((Token::Quoted, rest));
    }
    if is_word(first) {
        let end = text.find(|c| !is_word(c)).unwrap_or(text.len());
        return Some((Token::Word, &text[end..]));
    }
    let kind = match first {
        '(' | '[' | '{' => Token::Open,
        ')' | ']' | '}' => Token::Close,
        '#' => Token::Hash,
        '$' => Token::Dollar,
        '\'' => return Some((Token::Quoted, after_apostrophe(&text[1..])?)),
        _ => Token::Other,
    };
    Some((kind, &text[first.len_utf8()..]))
}

/// Where the tokens of the text start.
pub(crate) fn starts(text: &str) -> impl Iterator<Item = usize> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let here = skip_blank(rest)?;
        rest = token(here)?.1;
        Some(text.len() - here.len())
    })
}

/// The text behind white space and comments; nothing when a comment does not end.
pub(crate) fn skip_blank(mut text: &str) -> Option<&str> {
    loop {
        text = text.trim_start();
        if text.starts_with("//") {
            text = text.split_once('\n').map_or("", |(_, rest)| rest);
        } else if let Some(comment) = text.strip_prefix("/*") {
            text = after_block_comment(comment)?;
        } else {
            return Some(text);
        }
    }
}

/// Behind the group whose opening bracket has just been read; with the text inside of it.
pub(crate) fn group(text: &str) -> Option<(&str, &str)> {
    let mut depth = 1;
    let mut rest = text;
    loop {
        let (kind, behind) = token(rest)?;
        rest = behind;
        match kind {
            Token::Open => depth += 1,
            Token::Close if depth == 1 => {
                let inside = &text[..text.len() - rest.len() - 1];
                return Some((inside, rest));
            }
            Token::Close => depth -= 1,
            _ => {}
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn after_block_comment(text: &str) -> Option<&str> {
    let end = text.find("*/")?;
    match text.find("/*") {
        Some(nested) if nested < end => after_block_comment(after_block_comment(&text[nested + 2..])?),
        _ => Some(&text[end + 2..]),
    }
}

/// Behind the string that the text starts with, raw ones and prefixes included.
fn string(text: &str) -> Option<&str> {
    let unprefixed = text.trim_start_matches(['b', 'c']);
    if let Some(raw) = unprefixed.strip_prefix('r') {
        let inside = raw.trim_start_matches('#');
        let hashes = raw.len() - inside.len();
        let end = format!("\"{}", "#".repeat(hashes));
        return inside.strip_prefix('"')?.split_once(&*end).map(|(_, rest)| rest);
    }
    after_quote(unprefixed.strip_prefix('"')?, '"')
}

/// Behind the closing quote, past escaped ones.
fn after_quote(text: &str, quote: char) -> Option<&str> {
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            _ if c == quote => return Some(&text[at + c.len_utf8()..]),
            _ => {}
        }
    }
    None
}

/// Behind a character literal or a lifetime.
fn after_apostrophe(text: &str) -> Option<&str> {
    let mut chars = text.chars();
    let first = chars.next()?;
    match chars.next() {
        _ if first == '\\' => after_quote(text, '\''),
        Some('\'') => Some(chars.as_str()),
        _ => Some(text.trim_start_matches(is_word)),
    }
}
