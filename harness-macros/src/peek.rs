//! The attributes that stand around us in the source text.
//!
//! `#[test]` above us has been expanded and is gone from the tokens; only the source still shows it. Where
//! there is no source (rust-analyzer, a macro's output) nothing is found.

use crate::lex::{self, Token};
use proc_macro2::Span;
use std::ops::Range;

/// How far back from us the first attribute of a function may be.
const WINDOW: usize = 16 * 1024;

/// The attributes in front of ours, whose span this is.
pub(crate) fn before(span: Span) -> Vec<String> {
    with_source(span, |text, place| attributes_before(&text[..place.start]))
}

/// The attributes behind ours, whose span this is.
pub(crate) fn after(span: Span) -> Vec<String> {
    with_source(span, |text, place| attributes_after(&text[place.end..]))
}

/// The attributes of the function whose name has this span.
pub(crate) fn above(name: Span) -> Vec<String> {
    with_source(name, |text, place| attributes_before(&text[..place.start]))
}

fn with_source(span: Span, look: fn(&str, Range<usize>) -> Vec<String>) -> Vec<String> {
    let span = span.unwrap();
    let place = |text: &str| {
        let (start, end) = (span.start(), span.end());
        Some(offset(text, start.line(), start.column())?..offset(text, end.line(), end.column())?)
    };
    let text = span.local_file().and_then(|file| std::fs::read_to_string(file).ok());
    let found = text.and_then(|text| Some(look(&text, place(&text)?)));
    found.unwrap_or_default()
}

/// Where this line and column (both from 1, columns in characters) begin.
fn offset(text: &str, line: usize, column: usize) -> Option<usize> {
    let lines = text.split_inclusive('\n');
    let start: usize = lines.clone().take(line.checked_sub(1)?).map(str::len).sum();
    let in_line = text[start..].char_indices().nth(column.checked_sub(1)?);
    Some(in_line.map_or(text.len(), |(at, _)| start + at))
}

/// The longest row of attributes that the text ends with, a function's qualifiers allowed.
///
/// Rust cannot be read backwards, so every `#` (or `$`, of a repetition) is tried as the start of the row,
/// the nearest first. Text in front of the row cannot be read as one, so the farthest that can be is right.
fn attributes_before(text: &str) -> Vec<String> {
    let text = text.trim_end().trim_end_matches("$(");
    let starts = text.rmatch_indices(['#', '$']).map(|(at, _)| at);
    let near = starts.take_while(|at| text.len() - at < WINDOW);
    near.filter(|at| !in_line_comment(&text[..*at]))
        .filter_map(|at| Some((at, whole_row(&text[at..])?)))
        .filter(|(at, _)| !in_block_comment(text, *at))
        .last()
        .map_or_else(Vec::new, |(_, row)| row)
}

/// Whether this place is in a `/* */` comment whose end looks like part of a line comment: `// */`.
fn in_block_comment(text: &str, place: usize) -> bool {
    let (before, behind) = text.split_at(place);
    let may_be = before.contains("/*") && behind.contains("*/");
    // What begins in front of the place and ends behind it is a comment: a string would hold all of the row.
    may_be && !lex::starts(text).take_while(|at| *at <= place).any(|at| at == place)
}

/// Whether the end of the text is in a `//` comment, where an attribute is none.
fn in_line_comment(text: &str) -> bool {
    text.rsplit('\n').next().is_some_and(|line| line.contains("//"))
}

/// The attributes, when the text is nothing but attributes and qualifiers.
fn whole_row(text: &str) -> Option<Vec<String>> {
    let (found, rest) = row(text)?;
    lex::skip_blank(rest)?.is_empty().then_some(found)
}

fn attributes_after(text: &str) -> Vec<String> {
    row(text).map_or_else(Vec::new, |(found, _)| found)
}

/// The attributes at the start of the text, and what comes behind them. In a `macro_rules!` they may be in a
/// repetition, `$(#[$attr])*`.
fn row(mut text: &str) -> Option<(Vec<String>, &str)> {
    let mut found = Vec::new();
    while let Some((kind, rest)) = lex::token(text) {
        match (kind, lex::token(rest)) {
            (Token::Hash, Some((Token::Open, inside))) => {
                let (attribute, behind) = lex::group(inside)?;
                found.push(attribute.to_owned());
                text = behind;
            }
            (Token::Dollar, Some((Token::Open, inside))) => {
                let (repeated, behind) = lex::group(inside)?;
                found.extend(row(repeated)?.0);
                text = behind.trim_start_matches(['*', '+', '?']);
            }
            _ => match qualifier(text) {
                Some(behind) => text = behind,
                None => break,
            },
        }
    }
    Some((found, text))
}

/// Behind a word that may stand between the attributes and the name of a function.
fn qualifier(text: &str) -> Option<&str> {
    let text = lex::skip_blank(text)?;
    let (_, rest) = lex::token(text)?;
    let word = &text[..text.len() - rest.len()];
    match word {
        "pub" => match lex::token(rest) {
            Some((Token::Open, inside)) => Some(lex::group(inside)?.1),
            _ => Some(rest),
        },
        "async" | "unsafe" | "const" | "extern" | "fn" | "\"C\"" => Some(rest),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{attributes_after, attributes_before, offset};

    #[test]
    fn rows_in_front() {
        for (text, expected) in [
            ("", &[][..]),
            ("fn a() {}\n", &[]),
            ("fn a() {}\n#[test]\n", &["test"]),
            (
                "use a;\n#[test] #[should_panic(expected = \"a]b\")]\n",
                &["test", "should_panic(expected = \"a]b\")"],
            ),
            ("#[test]\nfn a() {}\n#[ignore]\n", &["ignore"]),
            (
                "#[a(r#\"]\"#, '[', 'x, b'\\'')] // #[c]\n /* #[d] */ #[b]\n",
                &["a(r#\"]\"#, '[', 'x, b'\\'')", "b"],
            ),
            ("/// #[test]\n", &[]),
            ("/// # Title\n/// text\n#[ignore]\n/// more\n", &["ignore"]),
            ("fn a() {} // #[test]\n", &[]),
            ("fn a() {} /* #[test] */\n", &[]),
            ("const A: &str = \"#[test]\";\n", &[]),
            ("#![allow(x)]\n#[test]\n", &["test"]),
            ("=> { $( #[test] ", &["test"]),
            ("{ #[test] $(#[$m])* ", &["test", "$m"]),
            ("{ #[test] $(", &["test"]),
            ("{ $( $(#[$m])* ", &["$m"]),
            ("#[test] #[isolated(pid)] pub(crate) async unsafe extern \"C\" fn ", &["test", "isolated(pid)"]),
            ("#[cfg_attr(all(), ", &[]),
            ("/*\n#[test]\n// */\n#[ignore]\n", &["ignore"]),
            ("/* /* */\n#[test]\n// */\n#[ignore]\n", &["ignore"]),
            ("//*\n#[test]\n// */\n#[ignore]\n", &["test", "ignore"]),
            ("const A: &str = \"/*\";\n#[test]\n// */\n#[ignore]\n", &["test", "ignore"]),
            ("/* a */\n#[test] /* b */\n#[ignore]\n", &["test", "ignore"]),
        ] {
            assert_eq!(attributes_before(text), expected, "{text}");
        }
    }

    #[test]
    fn rows_behind() {
        for (text, expected) in [
            ("", &[][..]),
            (" fn a() {}", &[]),
            ("\n#[case(1)] /// doc\n#[case(2)] fn a() { #[b] let x; }", &["case(1)", "case(2)"]),
        ] {
            assert_eq!(attributes_after(text), expected, "{text}");
        }
    }

    #[test]
    fn lines_and_columns() {
        let text = "ab\nçd\nef";
        for (line, column, expected) in [(1, 1, 0), (1, 3, 2), (2, 1, 3), (2, 2, 5), (3, 2, 8)] {
            assert_eq!(offset(text, line, column), Some(expected), "{line}:{column}");
        }
    }
}
