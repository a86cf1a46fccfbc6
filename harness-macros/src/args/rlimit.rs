//! `rlimit(nofile = 64, fsize = "1M", stack = unlimited)`.

use super::written::{self, Written};
use crate::errors::{Errors, at};
use crate::guess::did_you_mean;
use crate::units;
use proc_macro2::{Ident, Span, TokenStream};
use quote::ToTokens as _;
use std::time::Duration;
use syn::{Expr, ExprLit, Lit};

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
pub(super) fn read(entries: TokenStream, errors: &mut Errors) -> Vec<Rlimit> {
    if entries.is_empty() {
        errors.push(syn::Error::new(
            Span::call_site(),
            "`rlimit()` limits nothing: `rlimit(nofile = 64, fsize = \"1M\")`",
        ));
    }
    let mut rlimits: Vec<Rlimit> = Vec::new();
    for entry in written::split(entries) {
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
        return Err(at(entry, format!("`{name}` is given twice")));
    }
    let expr = entry.expr().ok_or_else(|| at(entry, unit.wants(&name)))?;
    let value = unit.read(expr).map_err(|what| at(expr, format!("{what}; {}", unit.wants(&name))))?;
    Ok(Rlimit { resource: Ident::new(variant, Span::call_site()), value })
}

fn unknown(name: &str) -> String {
    let name = name.to_lowercase();
    let name = name.trim_start_matches("rlimit_");
    let names: Vec<_> = RESOURCES.iter().map(|(name, ..)| *name).collect();
    let guess = did_you_mean(name, names.iter().copied());
    format!("unknown resource{guess}; there are {}", names.join(" "))
}

impl Unit {
    fn wants(self, name: &str) -> String {
        let (what, example) = match self {
            Self::Bytes => ("a size", r#""1M""#),
            Self::Count => ("a whole number", "64"),
            Self::Seconds => ("whole seconds", r#""2s""#),
            Self::Microseconds => ("whole microseconds", r#""100us""#),
        };
        format!("`{name}` takes {what} or `unlimited`: `{name} = {example}`")
    }

    /// The value in this unit; `None` is `unlimited`.
    fn read(self, expr: &Expr) -> Result<Option<u64>, String> {
        let found = expr.to_token_stream().to_string().replace(' ', "");
        match expr {
            Expr::Path(path) if path.path.is_ident("unlimited") => Ok(None),
            Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) if number.suffix().is_empty() => {
                let parsed = number.base10_parse();
                parsed.map(Some).map_err(|_| format!("`{number}` is too large"))
            }
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => self.read_text(&text.value()).map(Some),
            Expr::Unary(_) => Err(format!("`{found}` is negative")),
            _ => Err(format!("`{found}` is not one")),
        }
    }

    fn read_text(self, text: &str) -> Result<u64, String> {
        match self {
            _ if text == "unlimited" => Err("`unlimited` is written without quotes".to_owned()),
            Self::Bytes => units::size(text),
            Self::Count => Err(format!("`\"{text}\"` is not one: a count has no quotes")),
            Self::Seconds => {
                whole(text, |time| (time.subsec_nanos() == 0).then(|| u128::from(time.as_secs())))
            }
            Self::Microseconds => {
                whole(text, |time| (time.subsec_nanos() % 1000 == 0).then_some(time.as_micros()))
            }
        }
    }
}

/// A duration in the unit of `count`, when it comes out whole.
fn whole(text: &str, count: fn(Duration) -> Option<u128>) -> Result<u64, String> {
    count(units::duration(text)?)
        .and_then(|count| u64::try_from(count).ok())
        .ok_or_else(|| format!("`{text}` does not come out whole"))
}
