//! The value behind a word: the readers that the others in this folder are made of.
//!
//! Every error points at the value, says what is wrong with it, and in a second line what the word takes.

use super::key::Key;
use super::name::is_cpu_list;
use crate::errors::at;
use crate::guess::did_you_mean;
use crate::units;
use proc_macro2::Ident;
use quote::ToTokens as _;
use std::time::Duration;
use syn::{Expr, ExprLit, Lit, LitInt};

pub(crate) struct Value<'a> {
    pub(super) key: &'static Key,
    pub(super) expr: &'a Expr,
}

/// What every reader answers.
pub(super) type Read<T> = syn::Result<T>;

/// A literal as it stands in the source.
pub(super) fn shown(expr: &Expr) -> String {
    expr.to_token_stream().to_string().replace(' ', "")
}

pub(super) fn literal(expr: &Expr) -> Option<&Lit> {
    match expr {
        Expr::Lit(ExprLit { lit, .. }) => Some(lit),
        _ => None,
    }
}

impl Value<'_> {
    /// An error at the value: what is wrong, then what the word takes.
    pub(super) fn wrong(&self, what: impl std::fmt::Display) -> syn::Error {
        at(self.expr, format!("{what}\n{}", self.key.wants()))
    }

    pub(super) fn checked<T>(&self, result: Result<T, String>) -> Read<T> {
        result.map_err(|what| self.wrong(what))
    }

    fn shown(&self) -> String {
        shown(self.expr)
    }

    fn wrong_type(&self, wanted: &str) -> syn::Error {
        let shown = self.shown();
        self.wrong(match literal(self.expr) {
            _ if shown.starts_with('-') => format!("`{shown}` is negative"),
            Some(Lit::Int(_)) => {
                format!("expected {wanted}, found `{shown}`; did you mean `\"{shown}\"`?")
            }
            Some(Lit::Str(text)) if text.value().parse::<f64>().is_ok() => {
                format!("expected {wanted}, found `{shown}`; did you mean `{}`?", text.value())
            }
            _ => format!("expected {wanted}, found `{shown}`"),
        })
    }

    /// Text, not empty, that the kernel can take.
    pub(super) fn string(&self) -> Read<String> {
        let Some(Lit::Str(text)) = literal(self.expr) else {
            return Err(self.wrong_type("a string"));
        };
        match text.value() {
            text if text.is_empty() => Err(self.wrong("the string is empty")),
            text if text.contains('\0') => Err(self.wrong("the string has a NUL byte in it")),
            text => Ok(text),
        }
    }

    /// A whole number, and no unit in the guise of a suffix.
    fn integer(&self) -> Read<&LitInt> {
        match literal(self.expr) {
            Some(Lit::Int(number)) if number.suffix().is_empty() => Ok(number),
            _ => Err(self.wrong_type("a whole number")),
        }
    }

    pub(super) fn number<T: std::str::FromStr>(&self) -> Read<T> {
        let number = self.integer()?;
        let parsed = number.base10_digits().parse();
        parsed.map_err(|_| self.wrong(format!("`{number}` is too large")))
    }

    pub(super) fn count(&self) -> Read<u64> {
        match self.number()? {
            0 => Err(self.wrong("the body is a process itself, so at least 1 is needed")),
            count => Ok(count),
        }
    }

    /// -1 as an id means "leave it as it is" to the kernel, so it is nobody's.
    pub(super) fn id(&self) -> Read<u32> {
        match self.number()? {
            u32::MAX => Err(self.wrong(format!("`{}` is no id to the kernel", u32::MAX))),
            id => Ok(id),
        }
    }

    /// Text that carries a unit: a string. Who forgot the quotes wrote a literal with a suffix.
    fn quantity(&self) -> Read<String> {
        match literal(self.expr) {
            Some(Lit::Str(text)) => Ok(text.value()),
            Some(Lit::Int(_) | Lit::Float(_)) => {
                let guess = format!("`{} = \"{}\"`", self.key.name, self.shown());
                Err(self.wrong(format!("a unit needs quotes: {guess}")))
            }
            _ => Err(self.wrong_type("a literal")),
        }
    }

    /// A number is bytes.
    pub(super) fn size(&self) -> Read<u64> {
        match self.integer() {
            Ok(bytes) => self.checked(units::size(bytes.base10_digits())),
            Err(_) => self.checked(units::size(&self.quantity()?)),
        }
    }

    pub(super) fn size_above_zero(&self) -> Read<u64> {
        match self.size()? {
            0 => Err(self.wrong("a guest cannot run in 0 bytes")),
            bytes => Ok(bytes),
        }
    }

    pub(super) fn duration(&self) -> Read<Duration> {
        if let Ok(number) = self.integer() {
            return Err(self.wrong(format!("`{number}` has no unit; did you mean `\"{number}s\"`?")));
        }
        match self.checked(units::duration(&self.quantity()?))? {
            Duration::ZERO => Err(self.wrong("the time is over before the guest starts")),
            duration => Ok(duration),
        }
    }

    pub(super) fn cores(&self) -> Read<u32> {
        let digits = match literal(self.expr) {
            Some(Lit::Int(number)) if number.suffix().is_empty() => number.base10_digits(),
            Some(Lit::Float(number)) if number.suffix().is_empty() => number.base10_digits(),
            Some(Lit::Str(list)) if is_cpu_list(&list.value()) && list.value().parse::<u32>().is_err() => {
                return Err(self.wrong(format!("the CPUs to run on are `cpuset = {}`", self.shown())));
            }
            _ => return Err(self.wrong_type("a number")),
        };
        match self.checked(units::millicores(digits))? {
            0 => Err(self.wrong("a guest cannot run on 0 cores")),
            millis => Ok(millis),
        }
    }

    pub(super) fn one_of(&self, words: &[&'static str]) -> Read<Ident> {
        let word = match self.expr {
            Expr::Path(path) => path.path.get_ident(),
            _ => None,
        };
        match (word, literal(self.expr)) {
            (Some(word), _) if words.iter().any(|known| word == known) => Ok(word.clone()),
            (Some(word), _) => {
                let guess = did_you_mean(&word.to_string(), words.iter().copied());
                Err(self.wrong(format!("there is no `{word}`{guess}")))
            }
            (None, Some(Lit::Str(_))) => {
                Err(self.wrong(format!("`{}` is written without quotes", self.shown())))
            }
            (None, _) => Err(self.wrong(format!("expected a word, found `{}`", self.shown()))),
        }
    }
}
