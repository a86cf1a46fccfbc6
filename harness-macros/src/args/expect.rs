//! `expect = oom | timeout | exit(CODE) | signal(NAME)`.

use super::value::Value;
use crate::guess::did_you_mean;
use quote::ToTokens as _;
use syn::{Expr, ExprLit, Lit};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    Oom,
    Timeout,
    Exit(u8),
    Signal(i32),
}

/// Signals by name, without `SIG`. The numbers are those of `asm-generic`: x86, arm, riscv, powerpc, s390
/// and loongarch share them; mips and sparc, where some differ, are not supported.
const SIGNALS: &[(&str, i32)] = &[
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ILL", 4),
    ("TRAP", 5),
    ("ABRT", 6),
    ("BUS", 7),
    ("FPE", 8),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("STKFLT", 16),
    ("VTALRM", 26),
    ("PROF", 27),
    ("XCPU", 24),
    ("XFSZ", 25),
    ("IO", 29),
    ("PWR", 30),
    ("SYS", 31),
];

/// These stop, wake or do nothing (signal(7)), so no test ends by them.
const HARMLESS: &[&str] = &["CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "WINCH"];

pub(super) fn read(value: &Value<'_>) -> syn::Result<Expect> {
    match value.expr {
        Expr::Path(path) if path.path.is_ident("oom") => Ok(Expect::Oom),
        Expr::Path(path) if path.path.is_ident("timeout") => Ok(Expect::Timeout),
        Expr::Call(call) if call.args.len() == 1 => match shown(&call.func).as_str() {
            "exit" => exit_code(&call.args[0]).map(Expect::Exit).map_err(|what| value.wrong(what)),
            "signal" => signal(&call.args[0]).map(Expect::Signal).map_err(|what| value.wrong(what)),
            _ => Err(unknown(value)),
        },
        _ => Err(unknown(value)),
    }
}

fn shown(expr: &Expr) -> String {
    expr.to_token_stream().to_string().replace(' ', "")
}

fn exit_code(code: &Expr) -> Result<u8, String> {
    let parsed = match code {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => number.base10_parse().ok(),
        _ => None,
    };
    parsed.ok_or_else(|| format!("`{}` is no exit code: they are 0 to 255", shown(code)))
}

fn signal(name: &Expr) -> Result<i32, String> {
    let written = shown(name);
    let upper = written.to_uppercase();
    let short = upper.strip_prefix("SIG").unwrap_or(&upper);
    if HARMLESS.contains(&short) {
        return Err(format!("SIG{short} does not end a process"));
    }
    match SIGNALS.iter().find(|(known, number)| *known == short || number.to_string() == written) {
        Some((known, _)) if *known != short => {
            Err(format!("a signal is written by its name, `signal(SIG{known})`"))
        }
        Some((_, number)) if written == upper => Ok(*number),
        Some((known, _)) => Err(format!("there is no `{written}`; did you mean `SIG{known}`?")),
        None => Err(unknown_signal(&written, short)),
    }
}

fn unknown_signal(written: &str, short: &str) -> String {
    let names = SIGNALS.iter().map(|(name, _)| *name);
    let guess = crate::guess::nearest(short, names)
        .map_or_else(String::new, |name| format!("; did you mean `SIG{name}`?"));
    format!("there is no signal `{written}`{guess}")
}

fn unknown(value: &Value<'_>) -> syn::Error {
    let word = shown(value.expr);
    let word = word.split('(').next().unwrap_or_default();
    if matches!(word, "exit" | "signal") {
        return value.wrong(format!("`{word}` takes one value in parentheses"));
    }
    let hint = match word {
        "panic" | "panics" => "; a panic is expected with #[should_panic]".to_owned(),
        _ if word.starts_with("SIG") => format!("; did you mean `signal({word})`?"),
        _ if word.starts_with('"') => "; it is written without quotes".to_owned(),
        "success" | "pass" => "; success is what is expected anyway".to_owned(),
        _ => did_you_mean(word, ["oom", "timeout", "exit", "signal"]),
    };
    value.wrong(format!("there is no ending `{word}`{hint}"))
}
