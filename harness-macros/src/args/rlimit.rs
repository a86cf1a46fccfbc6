//! `rlimit(nofile = 64, fsize = "1M", stack = unlimited)`.

use super::value::{literal, shown};
use super::written::{self, Written};
use crate::errors::{Errors, at};
use crate::guess::did_you_mean;
use crate::units;
use proc_macro2::{Ident, Span, TokenStream};
use syn::{Expr, Lit};

#[derive(Debug)]
pub(crate) struct Rlimit {
    /// The variant of `Resource`.
    pub(crate) resource: Ident,
    pub(crate) value: Option<u64>,
}

/// What `setrlimit(2)` counts a resource in.
#[derive(Debug, Clone, Copy)]
enum Unit {
    Bytes,
    Count,
    Seconds,
    Microseconds,
}

static RESOURCES: &[(&str, &str, Unit)] = &[
    ("as", "As", Unit::Bytes),
    ("core", "Core", Unit::Bytes),
    ("cpu", "Cpu", Unit::Seconds),
    ("data", "Data", Unit::Bytes),
    ("fsize", "Fsize", Unit::Bytes),
    ("locks", "Locks", Unit::Count),
    ("memlock", "Memlock", Unit::Bytes),
    ("msgqueue", "Msgqueue", Unit::Bytes),
    ("nice", "Nice", Unit::Count),
    ("nofile", "Nofile", Unit::Count),
    ("nproc", "Nproc", Unit::Count),
    ("rss", "Rss", Unit::Bytes),
    ("rtprio", "Rtprio", Unit::Count),
    ("rttime", "Rttime", Unit::Microseconds),
    ("sigpending", "Sigpending", Unit::Count),
    ("stack", "Stack", Unit::Bytes),
];

/// Reads every entry; what is wrong goes to `errors`.
pub(super) fn read(entries: &TokenStream, errors: &mut Errors) -> Vec<Rlimit> {
    let mut rlimits: Vec<Rlimit> = Vec::new();
    for entry in written::split(entries.clone()) {
        let read = entry.and_then(|entry| entry_of(&entry, &rlimits));
        rlimits.extend(errors.keep(read));
    }
    rlimits
}

fn entry_of(entry: &Written, earlier: &[Rlimit]) -> syn::Result<Rlimit> {
    let name = entry.ident.to_string();
    let row = RESOURCES.iter().find(|(known, ..)| *known == name);
    let (_, variant, unit) = row.ok_or_else(|| at(&entry.ident, unknown(&name)))?;
    if earlier.iter().any(|rlimit| rlimit.resource == variant) {
        return Err(at(entry, format!("`{name}` is given twice; keep one")));
    }
    let wants = unit.wants(&name);
    let missing = || at(entry, format!("`{name}` needs a value\n{wants}"));
    let expr = entry.expr().ok_or_else(missing)?;
    let value = unit.read(expr).map_err(|what| at(expr, format!("{what}\n{wants}")))?;
    Ok(Rlimit { resource: Ident::new(variant, Span::call_site()), value })
}

fn unknown(name: &str) -> String {
    let lower = name.to_lowercase();
    let names: Vec<_> = RESOURCES.iter().map(|(name, ..)| *name).collect();
    let guess = did_you_mean(lower.trim_start_matches("rlimit_"), names.iter().copied());
    format!("unknown resource `{name}`{guess}\nthe resources are {}", names.join(" "))
}

impl Unit {
    fn wants(self, name: &str) -> String {
        let (what, example) = match self {
            Self::Bytes => ("a size", r#""1M""#),
            Self::Count => ("a whole number", "64"),
            Self::Seconds => ("whole seconds", r#""2s""#),
            Self::Microseconds => ("whole microseconds", r#""100us""#),
        };
        format!("`{name}` takes {what} or `unlimited`, as in `{name} = {example}`")
    }

    /// The value in this unit; `None` is `unlimited`.
    fn read(self, expr: &Expr) -> Result<Option<u64>, String> {
        match literal(expr) {
            Some(Lit::Int(number)) if number.suffix().is_empty() => {
                let parsed = number.base10_parse();
                parsed.map(Some).map_err(|_| format!("`{number}` is too large"))
            }
            Some(Lit::Int(_) | Lit::Float(_)) => Err(format!("`{}` needs quotes", shown(expr))),
            Some(Lit::Str(text)) => self.read_text(&text.value()).map(Some),
            _ => match &*shown(expr) {
                "unlimited" => Ok(None),
                negative if negative.starts_with('-') => Err(format!("`{negative}` is negative")),
                other => Err(format!("`{other}` is no value of a limit")),
            },
        }
    }

    fn read_text(self, text: &str) -> Result<u64, String> {
        match self {
            _ if text == "unlimited" => Err("`unlimited` is written without quotes".to_owned()),
            Self::Bytes => units::size(text),
            Self::Count => Err(format!("`\"{text}\"` is a string, and a count is a number")),
            Self::Seconds => whole(text, 1_000_000_000),
            Self::Microseconds => whole(text, 1_000),
        }
    }
}

/// A duration in units of so many nanoseconds, when it comes out whole.
fn whole(text: &str, unit: u128) -> Result<u64, String> {
    let nanos = units::duration(text)?.as_nanos();
    let count = u64::try_from(nanos / unit).ok().filter(|_| nanos % unit == 0);
    count.ok_or_else(|| format!("`{text}` does not come out whole"))
}
