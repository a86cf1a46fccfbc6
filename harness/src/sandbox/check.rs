//! What an option does not take: the attribute's compile errors, at the call.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};
use std::time::Duration;

use super::{Invalid, Sandbox, Source};
use crate::spec::{Size, Upper};

/// Everything that can be seen without looking at the machine.
pub(super) fn check(sandbox: &Sandbox) -> Result<(), Invalid> {
    program(sandbox)?;
    identity(sandbox)?;
    filesystem(sandbox)?;
    limits(sandbox)
}

fn refuse(option: &'static str, given: impl ToString, accepted: &'static str) -> Result<(), Invalid> {
    Err(Invalid { option, given: given.to_string(), accepted })
}

fn program(sandbox: &Sandbox) -> Result<(), Invalid> {
    const WITHOUT_NUL: &str = "a text without NUL bytes";
    let has_nul = |text: &OsStr| text.as_bytes().contains(&0);
    if let Some(name) = sandbox.command.as_ref().filter(|name| name.is_empty() || has_nul(name)) {
        return refuse("command", name.to_string_lossy(), "a path or a name, without NUL bytes");
    }
    if let Some(argument) = sandbox.arguments.iter().find(|argument| has_nul(argument)) {
        return refuse("arg", argument.to_string_lossy(), WITHOUT_NUL);
    }
    for (name, value) in &sandbox.environment {
        if name.is_empty() || has_nul(name) || name.as_bytes().contains(&b'=') {
            return refuse("env", name.to_string_lossy(), "a name without `=` and NUL bytes");
        }
        if has_nul(value) {
            return refuse("env", value.to_string_lossy(), WITHOUT_NUL);
        }
    }
    if sandbox.program_is_pid1 && sandbox.leaks.is_some() {
        return refuse(
            "leaks",
            "a policy",
            "`pid` instead of `pid1`, where what is left behind cannot be seen",
        );
    }
    Ok(())
}

fn identity(sandbox: &Sandbox) -> Result<(), Invalid> {
    let is_name = |name: &&String| (1..=64).contains(&name.len()) && !name.contains('\0');
    if let Some(name) = sandbox.hostname.iter().find(|name| !is_name(name)) {
        return refuse("hostname", name, "a name of 1 to 64 bytes");
    }
    for (option, id) in [("uid", sandbox.uid), ("gid", sandbox.gid)] {
        if id == Some(u32::MAX) {
            return refuse(option, u32::MAX, "an id; this one means none to the kernel");
        }
        if id.is_some() && sandbox.id_mapping.is_some() {
            return refuse("map", "a mapping", "no `uid` or `gid` beside it: both say who the program is");
        }
    }
    Ok(())
}

fn filesystem(sandbox: &Sandbox) -> Result<(), Invalid> {
    if let Some(Source::Path(path)) = &sandbox.rootfs {
        plain("rootfs", path)?;
    }
    sandbox.workdir.iter().try_for_each(|path| inside("workdir", path))?;
    for bind in &sandbox.binds {
        plain("bind", &bind.source)?;
        mount_point("bind", &bind.target)?;
    }
    for (target, size) in &sandbox.tmpfs {
        mount_point("tmpfs", target)?;
        above_zero("tmpfs", *size)?;
    }
    sandbox.files.iter().try_for_each(|(path, _)| file(path))?;
    root(sandbox)?;
    let files = sandbox.files.iter().map(|(target, _)| target).collect::<Vec<_>>();
    once("file", &files)?;
    let binds = sandbox.binds.iter().map(|bind| &bind.target).collect::<Vec<_>>();
    let tmpfs = sandbox.tmpfs.iter().map(|(target, _)| target).collect::<Vec<_>>();
    once("bind", &binds)?;
    once("tmpfs", &tmpfs)
}

/// What only makes sense with a root filesystem of its own.
fn root(sandbox: &Sandbox) -> Result<(), Invalid> {
    const ROOTFS: &str = "`rootfs` or `host_rootfs` beside it";
    match (&sandbox.rootfs, sandbox.upper) {
        (None, Some(_)) => return refuse("upper", "a place", ROOTFS),
        (None, None) if sandbox.changes => return refuse("changes", "nothing to track", ROOTFS),
        (Some(Source::Host), Some(Upper::Copy)) => {
            return refuse("upper", "a copy of the whole host", "a `rootfs` that is not the host's");
        }
        _ => {}
    }
    if sandbox.changes && sandbox.upper == Some(Upper::Copy) {
        return refuse("changes", "a copy", "an `upper` with an upperdir: `Tmpfs` or `Disk`");
    }
    Ok(())
}

fn file(path: &Path) -> Result<(), Invalid> {
    inside("file", path)?;
    if path.file_name().is_none() || path.as_os_str().as_bytes().ends_with(b"/") {
        return refuse("file", path.display(), "a path of a file");
    }
    Ok(())
}

/// The plan keeps paths as text.
fn plain(option: &'static str, path: &Path) -> Result<(), Invalid> {
    match path.to_str() {
        Some(text) if !text.is_empty() && !text.contains('\0') => Ok(()),
        _ => refuse(option, path.display(), "a path in UTF-8, without NUL bytes"),
    }
}

/// `..` would leave the new root while it is being built.
fn inside(option: &'static str, path: &Path) -> Result<(), Invalid> {
    plain(option, path)?;
    if path.is_absolute() && !path.components().any(|part| part == Component::ParentDir) {
        return Ok(());
    }
    refuse(option, path.display(), "an absolute path in the guest, without `..`")
}

/// Nobody would see what covers the root.
fn mount_point(option: &'static str, path: &Path) -> Result<(), Invalid> {
    inside(option, path)?;
    match path.file_name() {
        Some(_) => Ok(()),
        None => refuse(option, path.display(), "a place below the root, which nothing can be mounted over"),
    }
}

fn once(option: &'static str, targets: &[&std::path::PathBuf]) -> Result<(), Invalid> {
    for (place, target) in targets.iter().enumerate() {
        if targets[..place].contains(target) {
            return refuse(option, target.display(), "each place once");
        }
    }
    Ok(())
}

fn limits(sandbox: &Sandbox) -> Result<(), Invalid> {
    let limits = &sandbox.limits;
    above_zero("memory_max", limits.memory_max)?;
    if let (Some(swap), None) = (limits.swap_max, limits.memory_max) {
        return refuse("swap_max", swap.get(), "`memory_max` beside it, which it comes on top of");
    }
    if limits.pids_max == Some(0) {
        return refuse("pids_max", 0, "at least 1: the program is a process itself");
    }
    if let Some(cores) = sandbox.cpu_max.filter(|cores| millis(*cores).is_none()) {
        return refuse("cpu_max", cores, "a number of cores, at least 0.001");
    }
    if let Some(list) = sandbox.cpuset.iter().find(|list| !is_cpu_list(list)) {
        return refuse("cpuset", list, "a list of CPUs, such as `0-3,7`");
    }
    for (option, time) in [("timeout", limits.timeout), ("cpu_time", limits.cpu_time)] {
        if time == Some(Duration::ZERO) {
            return refuse(option, "0 s", "a time above zero");
        }
    }
    Ok(())
}

fn above_zero(option: &'static str, size: Option<Size>) -> Result<(), Invalid> {
    if size == Some(Size::bytes(0)) { refuse(option, "0 bytes", "a size above zero") } else { Ok(()) }
}

/// Thousandths of a core.
pub(super) fn millis(cores: f64) -> Option<u32> {
    let time = Duration::try_from_secs_f64(cores).ok()?;
    // Rounded, as 0.29 is a little less to a computer.
    let millis = (time + Duration::from_micros(500)).as_millis();
    u32::try_from(millis).ok().filter(|millis| *millis > 0)
}

fn is_cpu_list(list: &str) -> bool {
    // Digits only: `parse` alone would take a `+`.
    let cpu = |text: &str| {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u32>().ok().filter(|_| is_number)
    };
    list.split(',').all(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        matches!((cpu(first), cpu(last)), (Some(first), Some(last)) if first <= last)
    })
}
