//! `expect = oom | timeout | exit(CODE) | signal(NAME)`.

use super::value::{Read, Value, literal, shown};
use crate::errors::at;
use crate::guess::{did_you_mean, nearest};
use syn::{Expr, Lit};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    Oom,
    Timeout,
    Exit(u8),
    Signal(i32),
}

/// Signals by name. The numbers are those of `asm-generic`: x86, arm, riscv, powerpc, s390 and loongarch
/// share them; mips and sparc, where some differ, are not supported.
const SIGNALS: &[(&str, i32)] = &[
    ("SIGHUP", 1),
    ("SIGINT", 2),
    ("SIGQUIT", 3),
    ("SIGILL", 4),
    ("SIGTRAP", 5),
    ("SIGABRT", 6),
    ("SIGBUS", 7),
    ("SIGFPE", 8),
    ("SIGKILL", 9),
    ("SIGUSR1", 10),
    ("SIGSEGV", 11),
    ("SIGUSR2", 12),
    ("SIGPIPE", 13),
    ("SIGALRM", 14),
    ("SIGTERM", 15),
    ("SIGSTKFLT", 16),
    ("SIGXCPU", 24),
    ("SIGXFSZ", 25),
    ("SIGVTALRM", 26),
    ("SIGPROF", 27),
    ("SIGIO", 29),
    ("SIGPWR", 30),
    ("SIGSYS", 31),
];

/// These stop, wake or do nothing (signal(7)), so no test ends by them.
const HARMLESS: &[&str] =
    &["SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGWINCH"];

pub(super) fn read(value: &Value<'_>) -> Read<Expect> {
    match value.expr {
        Expr::Path(path) if path.path.is_ident("oom") => Ok(Expect::Oom),
        Expr::Path(path) if path.path.is_ident("timeout") => Ok(Expect::Timeout),
        Expr::Call(call) if call.args.len() == 1 => match &*shown(&call.func) {
            "exit" => exit_code(&call.args[0]).map(Expect::Exit),
            "signal" => signal(&call.args[0]).map(Expect::Signal),
            _ => Err(unknown(value)),
        },
        _ => Err(unknown(value)),
    }
}

fn exit_code(code: &Expr) -> Read<u8> {
    let parsed = match literal(code) {
        Some(Lit::Int(number)) => number.base10_parse().ok(),
        _ => None,
    };
    let wrong =
        || format!("`{}` is no exit code\n`exit` takes 0 to 255, as in `expect = exit(3)`", shown(code));
    parsed.ok_or_else(|| at(code, wrong()))
}

fn signal(name: &Expr) -> Read<i32> {
    let written = shown(name);
    let full = if written.starts_with("SIG") { written.clone() } else { format!("SIG{written}") };
    match SIGNALS.iter().find(|(known, _)| *known == full) {
        Some((_, number)) => Ok(*number),
        None => Err(at(
            name,
            format!(
                "{}\n`signal` takes a name, as in `expect = signal(SIGSEGV)`",
                no_signal(&written, &full.to_uppercase())
            ),
        )),
    }
}

fn no_signal(written: &str, full: &str) -> String {
    if HARMLESS.contains(&full) {
        return format!("{full} does not end a process");
    }
    let by_number = SIGNALS.iter().find(|(_, number)| number.to_string() == written);
    let meant = by_number.map(|(name, _)| *name);
    match meant.or_else(|| nearest(full, SIGNALS.iter().map(|(name, _)| *name))) {
        Some(name) => format!("there is no signal `{written}`; did you mean `{name}`?"),
        None => format!("there is no signal `{written}`"),
    }
}

fn unknown(value: &Value<'_>) -> syn::Error {
    let word = shown(value.expr);
    let word = word.split('(').next().unwrap_or_default();
    let hint = match word {
        "exit" | "signal" => {
            return value.wrong(format!("`{word}` needs one value in parentheses"));
        }
        "panic" | "panics" => "; a panic is expected with #[should_panic]".to_owned(),
        "success" | "pass" | "ok" => "; success is what is expected anyway".to_owned(),
        _ if word.starts_with("SIG") => format!("; did you mean `signal({word})`?"),
        _ if word.starts_with('"') => "; an ending is written without quotes".to_owned(),
        _ => did_you_mean(word, ["oom", "timeout", "exit", "signal"]),
    };
    value.wrong(format!("there is no ending `{word}`{hint}"))
}
