//! The arguments of `#[isolated(...)]`, read.
//!
//! Each argument is read on its own, so that a mistake in one does not hide those in the others. `key`
//! knows the words, `value`, `rlimit` and `expect` what may stand behind them.

mod expect;
mod file;
mod key;
mod mount;
mod name;
mod rlimit;
mod value;
mod written;

pub(crate) use expect::Expect;
pub(crate) use file::InlineFile;
pub(crate) use mount::{Bind, Rootfs, Tmpfs};
pub(crate) use rlimit::Rlimit;

use crate::errors::{Errors, at};
use key::Key;
use proc_macro2::{Ident, TokenStream};
use std::time::Duration;
use value::Value;
use written::Written;

/// What the deferral of `order.rs` adds; not for users.
pub(crate) const MARKER: &str = "__deferred";

#[derive(Default)]
pub(crate) struct Args {
    /// Every key, in order: where to point when two of them contradict each other.
    pub(crate) keys: Vec<Ident>,
    /// All of them as they were written, each with a comma behind it.
    pub(crate) user: TokenStream,
    /// What an earlier expansion of ours left for this one.
    pub(crate) marker: Option<TokenStream>,
    pub(crate) namespaces: Vec<Ident>,
    pub(crate) pid1: bool,
    pub(crate) hostname: Option<String>,
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
    pub(crate) map: Option<Ident>,
    pub(crate) rootfs: Option<Rootfs>,
    pub(crate) upper: Option<Ident>,
    pub(crate) changes: bool,
    pub(crate) files: Vec<InlineFile>,
    pub(crate) readonly: bool,
    pub(crate) binds: Vec<Bind>,
    pub(crate) tmpfs: Vec<Tmpfs>,
    pub(crate) workdir: Option<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) clear_env: bool,
    pub(crate) memory_max: Option<u64>,
    pub(crate) swap_max: Option<u64>,
    pub(crate) pids_max: Option<u64>,
    pub(crate) cpu_max_millis: Option<u32>,
    pub(crate) cpuset_cpus: Option<String>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) cpu_time: Option<Duration>,
    pub(crate) rlimits: Vec<Rlimit>,
    pub(crate) expect: Option<Expect>,
    pub(crate) leaks: Option<Ident>,
    pub(crate) unsupported: Option<Ident>,
}

impl Args {
    /// Reads all arguments; what is wrong goes to `errors`, the rest is in the result.
    pub(crate) fn read(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut args = Self::default();
        for argument in written::split(tokens) {
            let read = argument.and_then(|written| args.take(&written, errors));
            errors.keep(read);
        }
        args
    }

    /// The place where this key was given.
    pub(crate) fn key(&self, name: &str) -> Option<&Ident> {
        self.keys.iter().find(|key| *key == name)
    }

    fn take(&mut self, written: &Written, errors: &mut Errors) -> syn::Result<()> {
        if written.ident == MARKER {
            self.marker = written.list().cloned();
            return Ok(());
        }
        self.user.extend(quote::quote!(#written,));
        let key = Key::find(written)?;
        let again = self.key(key.name).is_some() && !key.repeatable;
        self.keys.push(written.ident.clone());
        if again {
            return Err(at(written, format!("`{}` is given twice; keep one", key.name)));
        }
        key.check_form(written)?;
        match (written.expr(), written.list()) {
            (Some(expr), _) => self.take_value(&Value { key, expr }),
            (_, Some(entries)) if key.name == "file" => file::read(key, entries, &mut self.files, errors),
            (_, Some(entries)) => {
                self.rlimits = rlimit::read(entries, errors);
                Ok(())
            }
            _ => {
                self.take_word(&written.ident);
                Ok(())
            }
        }
    }

    fn take_word(&mut self, word: &Ident) {
        match word.to_string().as_str() {
            "pid1" => self.pid1 = true,
            "rootfs" => self.rootfs = Some(Rootfs::Host),
            "readonly" => self.readonly = true,
            "changes" => self.changes = true,
            "clear_env" => self.clear_env = true,
            _ => self.namespaces.push(word.clone()),
        }
    }

    fn take_value(&mut self, value: &Value<'_>) -> syn::Result<()> {
        match value.key.name {
            "hostname" => self.hostname = Some(value.hostname()?),
            "uid" => self.uid = Some(value.id()?),
            "gid" => self.gid = Some(value.id()?),
            "map" => self.map = Some(value.one_of(&["root", "identity"])?),
            "rootfs" => self.rootfs = Some(value.rootfs()?),
            "upper" => self.upper = Some(value.upper()?),
            "bind" => self.binds.push(value.bind(&self.binds)?),
            "tmpfs" => self.tmpfs.push(value.tmpfs(&self.tmpfs)?),
            "workdir" => self.workdir = Some(value.absolute_path()?),
            "env" => self.env.push(value.env(&self.env)?),
            "mem" => self.memory_max = Some(value.size_above_zero()?),
            "swap" => self.swap_max = Some(value.size()?),
            "pids" => self.pids_max = Some(value.count()?),
            "cpu" => self.cpu_max_millis = Some(value.cores()?),
            "cpuset" => self.cpuset_cpus = Some(value.cpuset()?),
            "timeout" => self.timeout = Some(value.duration()?),
            "cpu_time" => self.cpu_time = Some(value.duration()?),
            "expect" => self.expect = Some(expect::read(value)?),
            "leaks" => self.leaks = Some(value.one_of(&["fail", "warn", "allow"])?),
            "unsupported" => self.unsupported = Some(value.one_of(&["fail", "skip"])?),
            other => unreachable!("`{other}` has a row in key.rs that says it takes a value"),
        }
        Ok(())
    }
}
