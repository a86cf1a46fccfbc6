//! Mistakes of the caller, by table: each is refused before anything is started.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use super::*;

fn sandbox() -> Sandbox {
    Sandbox::new().command("true")
}

/// The option that is refused, and the whole text.
fn refused(sandbox: &Sandbox) -> (&'static str, String) {
    match sandbox.output() {
        Err(error @ Error::Invalid(_)) => {
            let text = error.to_string();
            let Error::Invalid(invalid) = error else { unreachable!() };
            (invalid.option(), text)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn values_that_an_option_does_not_take() {
    let zero = Size::bytes(0);
    let cases = [
        ("command", sandbox().command("")),
        ("command", sandbox().command("a\0b")),
        ("arg", sandbox().arg("a\0b")),
        ("env", sandbox().env("", "x")),
        ("env", sandbox().env("A=B", "x")),
        ("env", sandbox().env("A", "x\0")),
        ("hostname", sandbox().hostname("")),
        ("hostname", sandbox().hostname("x".repeat(65))),
        ("uid", sandbox().uid(u32::MAX)),
        ("gid", sandbox().gid(u32::MAX)),
        ("map", sandbox().uid(7).map(IdMapping::Identity)),
        ("leaks", sandbox().pid1().leaks(Leaks::Fail)),
        ("rootfs", sandbox().rootfs("")),
        ("rootfs", sandbox().rootfs(OsStr::from_bytes(b"/\xff"))),
        ("bind", sandbox().bind("", "/x")),
        ("bind", sandbox().bind("/x", "x")),
        ("bind", sandbox().bind("/x", "/x/../y")),
        ("bind", sandbox().bind("/x", "/y").bind_readonly("/z", "/y")),
        ("bind", sandbox().bind("/x", "/")),
        ("bind", sandbox().bind("/x", "/y").bind("/z", "/y/")),
        ("tmpfs", sandbox().tmpfs("//.", None)),
        ("tmpfs", sandbox().tmpfs("tmp", None)),
        ("tmpfs", sandbox().tmpfs("/tmp", zero)),
        ("tmpfs", sandbox().tmpfs("/tmp", None).tmpfs(Path::new("/tmp"), Size::mib(1))),
        ("workdir", sandbox().workdir("here")),
        ("file", sandbox().file("here", "")),
        ("file", sandbox().file("/", "")),
        ("file", sandbox().file("/x/", "")),
        ("file", sandbox().file("/x", "").file("/x", "")),
        ("upper", sandbox().upper(Upper::Disk)),
        ("upper", sandbox().host_rootfs().upper(Upper::Copy)),
        ("changes", sandbox().changes()),
        ("changes", sandbox().rootfs("/x").upper(Upper::Copy).changes()),
        ("memory_max", sandbox().memory_max(zero)),
        ("swap_max", sandbox().swap_max(Size::mib(1))),
        ("pids_max", sandbox().pids_max(0)),
        ("cpu_max", sandbox().cpu_max(0.0)),
        ("cpu_max", sandbox().cpu_max(-1.0)),
        ("cpu_max", sandbox().cpu_max(f64::NAN)),
        ("cpu_max", sandbox().cpu_max(f64::INFINITY)),
        ("cpu_max", sandbox().cpu_max(1e12)),
        ("cpuset", sandbox().cpuset("")),
        ("cpuset", sandbox().cpuset("3-0")),
        ("cpuset", sandbox().cpuset("+1")),
        ("timeout", sandbox().timeout(Duration::ZERO)),
        ("cpu_time", sandbox().cpu_time(Duration::ZERO)),
    ];
    for (option, sandbox) in cases {
        let (found, text) = refused(&sandbox);
        assert_eq!(found, option, "{text}");
        assert!(
            text.starts_with(&format!("{option} was given `")) && text.contains("`, and takes "),
            "{text}"
        );
        assert!(!text.contains(['\0', '\n']), "{text:?}");
    }
}

#[test]
fn cores_to_a_thousandth() {
    for (cores, millis) in
        [(1.0, Some(1000)), (0.29, Some(290)), (0.001, Some(1)), (0.0001, None), (64.5, Some(64_500))]
    {
        assert_eq!(check::millis(cores), millis, "{cores}");
    }
}

#[test]
fn units_of_1024() {
    let sizes = [Size::bytes(1), Size::kib(1), Size::mib(1), Size::gib(1)].map(Size::get);
    assert_eq!(sizes, [1, 1 << 10, 1 << 20, 1 << 30]);
    assert!(std::panic::catch_unwind(|| Size::gib(u64::MAX)).is_err());
}

#[test]
fn a_sandbox_without_a_program_says_so() {
    let error = Sandbox::new().output().unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("find the program (none is given, and no image names one)"), "{text}");
}
