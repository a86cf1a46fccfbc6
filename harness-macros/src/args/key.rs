//! The words of the attribute: what each takes, an example, and what people write in their place.
//!
//! A new option starts with a row here.

use super::Written;
use crate::errors::at;
use crate::guess::nearest;

/// What stands behind the word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Nothing: a namespace.
    Namespace,
    /// Nothing.
    Bare,
    /// `= value`.
    Value,
    /// Nothing or `= value`.
    BareOrValue,
    /// `(entries)`.
    List,
    /// A word of the design that this version does not have.
    NotYet,
}

#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) form: Form,
    /// What the value is, with its article.
    pub(crate) takes: &'static str,
    pub(crate) example: &'static str,
    pub(crate) repeatable: bool,
}

const fn bare(name: &'static str, form: Form) -> Key {
    Key { name, form, takes: "nothing", example: name, repeatable: false }
}

const fn value(name: &'static str, takes: &'static str, example: &'static str) -> Key {
    Key { name, form: Form::Value, takes, example, repeatable: false }
}

const fn repeatable(name: &'static str, takes: &'static str, example: &'static str) -> Key {
    Key { repeatable: true, ..value(name, takes, example) }
}

static KEYS: &[Key] = &[
    bare("user", Form::Namespace),
    bare("pid", Form::Namespace),
    bare("pid1", Form::Namespace),
    bare("mount", Form::Namespace),
    bare("uts", Form::Namespace),
    bare("ipc", Form::Namespace),
    bare("net", Form::Namespace),
    bare("cgroup", Form::Namespace),
    bare("time", Form::Namespace),
    bare("all", Form::Namespace),
    value("hostname", "a host name of at most 64 bytes", r#"hostname = "box""#),
    value("uid", "a user id", "uid = 1000"),
    value("gid", "a group id", "gid = 1000"),
    value("map", "`root` or `identity`: who you are in the user namespace", "map = identity"),
    Key {
        form: Form::BareOrValue,
        ..value(
            "rootfs",
            "a directory, an archive, an image, or no value for the host's root",
            r#"rootfs = "fixtures/busybox""#,
        )
    },
    value("upper", r#"`"tmpfs"`, `"disk"` or `"copy"`"#, r#"upper = "disk""#),
    bare("changes", Form::Bare),
    Key {
        form: Form::List,
        ..repeatable(
            "file",
            "an absolute path and the content, a string or an expression of one",
            r#"file("/etc/hosts" = "127.0.0.1 db")"#,
        )
    },
    bare("readonly", Form::Bare),
    repeatable("bind", "`SRC:DST` or `SRC:DST:ro` with an absolute `DST`", r#"bind = "tests/data:/data:ro""#),
    repeatable(
        "tmpfs",
        "an absolute path, and behind a colon a size (K M G T by 1024, kB MB GB TB by 1000)",
        r#"tmpfs = "/tmp:16M""#,
    ),
    value("workdir", "an absolute path", r#"workdir = "/srv""#),
    repeatable("env", "`KEY=VALUE`", r#"env = "KEY=VALUE""#),
    bare("clear_env", Form::Bare),
    value("mem", SIZE, r#"mem = "100M""#),
    value("swap", SIZE, r#"swap = "10M""#),
    value("pids", "a number of processes and threads", "pids = 20"),
    value("cpu", "a number of cores, to a thousandth", "cpu = 0.5"),
    value("cpuset", "a list of CPUs", r#"cpuset = "0-3,7""#),
    value("timeout", DURATION, r#"timeout = "5s""#),
    value("cpu_time", DURATION, r#"cpu_time = "2s""#),
    Key {
        form: Form::List,
        ..value("rlimit", "resources of setrlimit(2)", r#"rlimit(nofile = 64, fsize = "1M")"#)
    },
    value("expect", "`oom`, `timeout`, `exit(CODE)` or `signal(NAME)`", "expect = exit(3)"),
    value("leaks", "`fail`, `warn` or `allow`", "leaks = warn"),
    value("unsupported", "`fail` or `skip`", "unsupported = skip"),
    bare("io", Form::NotYet),
    bare("assert", Form::NotYet),
    bare("caps", Form::NotYet),
    bare("no_new_privs", Form::NotYet),
    bare("seccomp", Form::NotYet),
    bare("landlock", Form::NotYet),
];

const SIZE: &str = "a number of bytes, or a string with a unit (K M G T by 1024, kB MB GB TB by 1000)";
const DURATION: &str = "a string with a unit (us ms s min h)";

/// What people write for a key that edit distance does not find.
const ALIASES: &[(&str, &str)] = &[
    ("memory", "mem"),
    ("memory_max", "mem"),
    ("memory_limit", "mem"),
    ("ram", "mem"),
    ("nproc", "pids"),
    ("processes", "pids"),
    ("threads", "pids"),
    ("pids_max", "pids"),
    ("cpus", "cpu"),
    ("cores", "cpu"),
    ("network", "net"),
    ("mnt", "mount"),
    ("fs", "mount"),
    ("host", "hostname"),
    ("root", "rootfs"),
    ("chroot", "rootfs"),
    ("image", "rootfs"),
    ("ro", "readonly"),
    ("volume", "bind"),
    ("upperdir", "upper"),
    ("files", "file"),
    ("diff", "changes"),
    ("cwd", "workdir"),
    ("current_dir", "workdir"),
    ("environment", "env"),
    ("env_clear", "clear_env"),
    ("deadline", "timeout"),
    ("time_limit", "timeout"),
    ("wall", "timeout"),
    ("ulimit", "rlimit"),
    ("nofile", "rlimit"),
    ("fails", "expect"),
    ("outcome", "expect"),
    ("skip", "unsupported"),
    ("group", "gid"),
    ("uid_map", "map"),
    ("mapping", "map"),
    ("map_root_user", "map"),
    ("map_current_user", "map"),
];

/// The key and, for a namespace given a value, the option that takes such a value.
const NAMESPACE_VALUES: &[(&str, &str, &str)] = &[
    ("pid", "limit", "pids"),
    ("user", "user id", "uid"),
    ("time", "limit", "timeout"),
    ("uts", "host name", "hostname"),
    ("mount", "bind mount", "bind"),
];

impl Key {
    /// The key of this name, or an error that names the nearest one.
    pub(super) fn find(written: &Written) -> syn::Result<&'static Key> {
        let name = written.ident.to_string();
        KEYS.iter().find(|key| key.name == name).ok_or_else(|| at(&written.ident, unknown(&name)))
    }

    /// Whether what was written has the form of this key.
    pub(super) fn check_form(&self, written: &Written) -> syn::Result<()> {
        let fits = match self.form {
            Form::NotYet => false,
            Form::Namespace | Form::Bare => written.is_bare(),
            Form::Value => written.expr().is_some(),
            Form::BareOrValue => written.is_bare() || written.expr().is_some(),
            Form::List => written.list().is_some_and(|entries| !entries.is_empty()),
        };
        if fits { Ok(()) } else { Err(self.misuse(written)) }
    }

    fn misuse(&self, written: &Written) -> syn::Error {
        let name = self.name;
        let message = match self.form {
            Form::NotYet => format!("this version of isolated-harness does not have `{name}` yet"),
            Form::Namespace => format!("`{name}` is a namespace{}", namespace_value(name, written)),
            Form::Bare => format!("`{name}` takes no value: write `{name}`"),
            Form::List if written.list().is_some() => format!("`{name}()` is empty\n{}", self.wants()),
            _ if written.is_bare() => format!("`{name}` needs a value\n{}", self.wants()),
            _ => format!("cannot read `{}`\n{}", written.shown(), self.wants()),
        };
        at(written, message)
    }

    /// What it takes, with an example.
    pub(super) fn wants(&self) -> String {
        format!("`{}` takes {}, as in `{}`", self.name, self.takes, self.example)
    }
}

fn namespace_value(name: &str, written: &Written) -> String {
    let meant = NAMESPACE_VALUES.iter().find(|(key, ..)| *key == name);
    match (meant, written.expr()) {
        (Some((_, what, key)), Some(expr)) => {
            let value = quote::ToTokens::to_token_stream(expr);
            format!(" and takes no value; the {what} is `{key} = {value}`")
        }
        _ => " and takes no value".to_owned(),
    }
}

fn unknown(name: &str) -> String {
    let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
    let guess = alias.map(|(_, meant)| *meant).or_else(|| nearest(name, KEYS.iter().map(|key| key.name)));
    match guess.and_then(|guess| KEYS.iter().find(|key| key.name == guess)) {
        Some(key) => format!("unknown argument `{name}`; did you mean `{}`?", key.example),
        None => format!("unknown argument `{name}`\n{}", list()),
    }
}

/// The words of this version, namespaces first.
fn list() -> String {
    let names = |wanted: fn(Form) -> bool| {
        let names: Vec<_> = KEYS.iter().filter(|key| wanted(key.form)).map(|key| key.name).collect();
        names.join(" ")
    };
    format!(
        "the namespaces are {}\nthe options are {}",
        names(|form| form == Form::Namespace),
        names(|form| !matches!(form, Form::Namespace | Form::NotYet)),
    )
}
