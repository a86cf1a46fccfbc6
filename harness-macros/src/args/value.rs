//! The value behind a word, made into what the Spec carries.
//!
//! Every error points at the value, says what is wrong with it and what the word takes.

use super::key::Key;
use crate::errors::at;
use crate::guess::did_you_mean;
use crate::units;
use proc_macro2::Ident;
use quote::ToTokens as _;
use std::path::Path;
use std::time::Duration;
use syn::{Expr, ExprLit, Lit, LitInt};

#[derive(Debug)]
pub(crate) enum Rootfs {
    Host,
    Directory(String),
}

#[derive(Debug)]
pub(crate) struct Bind {
    pub(crate) source: String,
    pub(crate) target: String,
    pub(crate) readonly: bool,
}

#[derive(Debug)]
pub(crate) struct Tmpfs {
    pub(crate) target: String,
    pub(crate) size: Option<u64>,
}

pub(crate) struct Value<'a> {
    pub(super) key: &'static Key,
    pub(super) expr: &'a Expr,
}

/// What every reader below answers.
type Read<T> = syn::Result<T>;

impl Value<'_> {
    /// An error at the value: what is wrong, then what the word takes.
    pub(super) fn wrong(&self, what: impl std::fmt::Display) -> syn::Error {
        at(self.expr, format!("{what}; {}", self.key.wants()))
    }

    fn checked<T>(&self, result: Result<T, String>) -> Read<T> {
        result.map_err(|what| self.wrong(what))
    }

    fn literal(&self) -> Option<&Lit> {
        match self.expr {
            Expr::Lit(ExprLit { lit, .. }) => Some(lit),
            _ => None,
        }
    }

    fn shown(&self) -> String {
        self.expr.to_token_stream().to_string().replace(' ', "")
    }

    fn wrong_type(&self, wanted: &str) -> syn::Error {
        self.wrong(format!("expected {wanted}, found `{}`", self.shown()))
    }

    fn string(&self) -> Read<String> {
        match self.literal() {
            Some(Lit::Str(text)) if text.value().contains('\0') => {
                Err(self.wrong("the string contains a NUL byte"))
            }
            Some(Lit::Str(text)) if text.value().is_empty() => Err(self.wrong("the string is empty")),
            Some(Lit::Str(text)) => Ok(text.value()),
            _ => Err(self.wrong_type("a string")),
        }
    }

    /// A whole number, and no unit in the guise of a suffix.
    fn integer(&self) -> Read<&LitInt> {
        match self.literal() {
            Some(Lit::Int(number)) if number.suffix().is_empty() => Ok(number),
            _ if self.shown().starts_with('-') => Err(self.wrong(format!("`{}` is negative", self.shown()))),
            _ => Err(self.wrong_type("a whole number")),
        }
    }

    /// Text that carries a unit: a string, or the bare literal of one who forgot the quotes.
    fn quantity(&self) -> Read<String> {
        match self.literal() {
            Some(Lit::Str(text)) => Ok(text.value()),
            Some(Lit::Int(_) | Lit::Float(_)) => {
                let shown = self.shown();
                Err(self.wrong(format!("a unit needs quotes: `{} = \"{shown}\"`", self.key.name)))
            }
            _ if self.shown().starts_with('-') => Err(self.wrong(format!("`{}` is negative", self.shown()))),
            _ => Err(self.wrong_type("a string or a number")),
        }
    }

    pub(super) fn size(&self) -> Read<u64> {
        match self.literal() {
            Some(Lit::Int(number)) if number.suffix().is_empty() => {
                self.checked(units::size(number.base10_digits()))
            }
            _ => self.checked(units::size(&self.quantity()?)),
        }
    }

    pub(super) fn size_above_zero(&self) -> Read<u64> {
        match self.size()? {
            0 => Err(self.wrong("a guest cannot run in 0 bytes")),
            bytes => Ok(bytes),
        }
    }

    /// Longer than nothing.
    pub(super) fn duration(&self) -> Read<Duration> {
        if let Some(Lit::Int(number)) = self.literal().filter(|_| self.integer().is_ok()) {
            let guess = format!("`{}` has no unit; did you mean `\"{number}s\"`?", self.shown());
            return Err(self.wrong(guess));
        }
        match self.checked(units::duration(&self.quantity()?))? {
            Duration::ZERO => Err(self.wrong("the time is over before the guest starts")),
            duration => Ok(duration),
        }
    }

    pub(super) fn cores(&self) -> Read<u32> {
        let digits = match self.literal() {
            Some(Lit::Int(number)) if number.suffix().is_empty() => number.base10_digits(),
            Some(Lit::Float(number)) if number.suffix().is_empty() => number.base10_digits(),
            Some(Lit::Str(list)) if is_cpu_list(&list.value()) && !is_number(&list.value()) => {
                let guess = format!("the CPUs to run on are `cpuset = {}`", self.shown());
                return Err(self.wrong(guess));
            }
            _ if self.shown().starts_with('-') => {
                return Err(self.wrong(format!("`{}` is negative", self.shown())));
            }
            _ => return Err(self.wrong_type("a number without quotes")),
        };
        match self.checked(units::millicores(digits))? {
            0 => Err(self.wrong("a guest cannot run on 0 cores")),
            millis => Ok(millis),
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

    pub(super) fn one_of(&self, words: &[&'static str]) -> Read<Ident> {
        let word = match self.expr {
            Expr::Path(path) => path.path.get_ident(),
            _ => None,
        };
        let Some(word) = word else {
            let hint = if matches!(self.literal(), Some(Lit::Str(_))) { " without quotes" } else { "" };
            return Err(self.wrong(format!("expected a word{hint}, found `{}`", self.shown())));
        };
        if words.iter().any(|known| word == known) {
            return Ok(word.clone());
        }
        let guess = did_you_mean(&word.to_string(), words.iter().copied());
        Err(self.wrong(format!("there is no `{word}`{guess}")))
    }

    pub(super) fn hostname(&self) -> Read<String> {
        let name = self.string()?;
        let length = name.len();
        if length > 64 {
            return Err(self.wrong(format!("{length} bytes are too long for a host name")));
        }
        let bad = name.chars().find(|c| !c.is_ascii_alphanumeric() && !"-.".contains(*c));
        if let Some(bad) = bad {
            return Err(self.wrong(format!("a host name has letters, digits, `-` and `.`, not `{bad}`")));
        }
        let label_is_bad = |label: &str| label.is_empty() || label.starts_with('-') || label.ends_with('-');
        if name.split('.').any(label_is_bad) {
            return Err(self.wrong(format!("`{name}` has a `-` or `.` where a letter or digit must be")));
        }
        Ok(name)
    }

    pub(super) fn cpuset(&self) -> Read<String> {
        let list = self.string()?;
        if is_cpu_list(&list) {
            return Ok(list);
        }
        Err(self.wrong(format!("`{list}` is no list of CPU numbers and ascending ranges")))
    }

    pub(super) fn env(&self, earlier: &[(String, String)]) -> Read<(String, String)> {
        let text = self.string()?;
        let Some((name, value)) = text.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            return Err(self.wrong(format!("`{text}` has no name in front of a `=`")));
        };
        if earlier.iter().any(|(known, _)| known == name) {
            return Err(self.wrong(format!("`{name}` is set twice")));
        }
        Ok((name.to_owned(), value.to_owned()))
    }

    pub(super) fn absolute_path(&self) -> Read<String> {
        let path = self.string()?;
        self.absolute(&path)
    }

    /// `..` would leave the new root while it is being built.
    fn absolute(&self, path: &str) -> Read<String> {
        if !path.starts_with('/') {
            return Err(self.wrong(format!("`{path}` is not an absolute path")));
        }
        if path.split('/').any(|part| part == "..") {
            return Err(self.wrong(format!("`{path}` has a `..`")));
        }
        Ok(path.to_owned())
    }

    pub(super) fn bind(&self, earlier: &[Bind]) -> Read<Bind> {
        let text = self.string()?;
        let parts: Vec<_> = text.split(':').collect();
        let (source, target, readonly) = match parts[..] {
            [source, target] => (source, target, false),
            [source, target, "ro"] => (source, target, true),
            [_, _, option] => return Err(self.wrong(format!("there is no option `{option}`"))),
            [_] => return Err(self.wrong(format!("`{text}` has no `:DST`"))),
            _ => return Err(self.wrong(format!("`{text}` has too many `:`"))),
        };
        if source.is_empty() {
            return Err(self.wrong("the source is empty"));
        }
        let target = self.absolute(target)?;
        if earlier.iter().any(|bind| bind.target == target) {
            return Err(self.wrong(format!("`{target}` is mounted twice")));
        }
        Ok(Bind { source: source.to_owned(), target, readonly })
    }

    pub(super) fn tmpfs(&self, earlier: &[Tmpfs]) -> Read<Tmpfs> {
        let text = self.string()?;
        let (target, size) = match text.split_once(':') {
            Some((target, size)) => (target, Some(self.checked(units::size(size))?)),
            None => (&*text, None),
        };
        if size == Some(0) {
            return Err(self.wrong("a size of 0 means unlimited to the kernel"));
        }
        let target = self.absolute(target)?;
        if earlier.iter().any(|tmpfs| tmpfs.target == target) {
            return Err(self.wrong(format!("`{target}` is mounted twice")));
        }
        Ok(Tmpfs { target, size })
    }

    pub(super) fn rootfs(&self) -> Read<Rootfs> {
        let path = self.string()?;
        let is_image = path.contains("://")
            || [".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.xz"].iter().any(|end| path.ends_with(end));
        if is_image {
            return Err(self.wrong("archives and images are not in this version yet"));
        }
        if Path::new(&path).is_relative() {
            self.checked(exists_in_crate(&path))?;
        }
        Ok(Rootfs::Directory(path))
    }
}

/// Relative paths start at the crate and are there when it compiles; absolute ones are the business of the
/// machine that runs the test.
fn exists_in_crate(path: &str) -> Result<(), String> {
    let Some(crate_dir) = std::env::var_os("CARGO_MANIFEST_DIR") else {
        return Ok(());
    };
    match std::fs::metadata(Path::new(&crate_dir).join(path)) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(format!("`{path}` is not a directory")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(format!("there is no `{path}` in the directory of this crate's Cargo.toml"))
        }
        Err(error) => Err(format!("`{path}`: {error}")),
    }
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `0-3,7`, as cpuset(7) reads lists.
fn is_cpu_list(list: &str) -> bool {
    let is_range = |range: &str| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        match (first.parse::<u32>(), last.parse::<u32>()) {
            (Ok(first), Ok(last)) => first <= last && is_number(&range.replace('-', "")),
            _ => false,
        }
    };
    list.split(',').all(is_range)
}
