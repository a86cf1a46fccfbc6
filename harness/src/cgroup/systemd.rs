//! A transient scope with `Delegate=yes`, asked from systemd over D-Bus (feature `systemd`).
//!
//! Without privilege nobody else gives us a cgroup that we may divide; with it, systemd is whom to ask before
//! putting anything into its tree (<https://systemd.io/CGROUP_DELEGATION>). The *zygote* is what moves to
//! the scope: guests are born where it is, so they may enter the leaves there (a process may only be moved
//! within what both its old and its new place have in common and is ours), and the scope lives as long
//! as the zygote does, that is, as the runner. The runner itself stays where it is.
//!
//! org.freedesktop.systemd1(5): `StartTransientUnit` answers with a job, whose end is a signal.

use std::sync::mpsc;
use std::time::Duration;

use zbus::blocking::{Connection, Proxy};
use zbus::zvariant::{OwnedObjectPath, Value};

/// systemd gives up a start job after 90 s; nobody waits as long for a scope.
const PATIENCE: Duration = Duration::from_secs(20);

/// Puts a process into a fresh scope, and waits for it to be there; the scope's name.
///
/// # Errors
/// What the bus or systemd said, as text.
pub(crate) fn scope(pid: i32) -> Result<String, String> {
    let name = name(pid);
    let unit = name.clone();
    let (answer, end) = mpsc::channel();
    // On a thread, so that a bus that never answers does not hang the test for ever.
    let ask = std::thread::Builder::new().name("harness-systemd".to_owned());
    let ask = ask.spawn(move || {
        // A receiver that is gone has stopped waiting.
        let _ = answer.send(start(&unit, pid));
    });
    ask.map_err(|error| error.to_string())?;
    let end = end.recv_timeout(PATIENCE);
    end.unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs()))).map(|()| name)
}

fn start(unit: &str, pid: i32) -> Result<(), String> {
    job(unit, pid).map_err(|error| error.to_string()).and_then(|result| match result.as_str() {
        "done" => Ok(()),
        result => Err(format!("the job of the scope ended as `{result}`")),
    })
}

/// Asks for the scope and waits for its job; how that ended (`done`, `failed`, `timeout`, ...).
fn job(unit: &str, pid: i32) -> zbus::Result<String> {
    let root = nix::unistd::geteuid().is_root();
    let bus = if root { Connection::system() } else { Connection::session() }?;
    let manager = Proxy::new(
        &bus,
        "org.freedesktop.systemd1",
        "/org/freedesktop/systemd1",
        "org.freedesktop.systemd1.Manager",
    )?;
    // Before the job: its end must not be missed. Without Subscribe systemd sends no signals to us.
    let mut ends = manager.receive_signal("JobRemoved")?;
    manager.call_method("Subscribe", &())?;
    let job: OwnedObjectPath =
        manager.call("StartTransientUnit", &(unit, "fail", properties(pid), AUXILIARY))?;
    loop {
        let signal = ends
            .next()
            .ok_or(zbus::Error::InputOutput(std::sync::Arc::new(std::io::ErrorKind::UnexpectedEof.into())))?;
        let (_, removed, _, result): (u32, OwnedObjectPath, String, String) = signal.body().deserialize()?;
        if removed == job {
            return Ok(result);
        }
    }
}

/// Pids are used again, and a scope that is just being removed has its name still.
fn name(pid: i32) -> String {
    let unique = std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_micros();
    format!("harness-{pid}-{unique:x}.scope")
}

/// systemd.resource-control(5), systemd.unit(5). `Delegate=yes` brings every controller that the manager
/// has.
fn properties(pid: i32) -> Vec<(&'static str, Value<'static>)> {
    vec![
        ("Description", Value::from("isolated tests of one test binary")),
        ("PIDs", Value::from(vec![pid.unsigned_abs()])),
        ("Delegate", Value::from(true)),
        ("CollectMode", Value::from("inactive-or-failed")),
    ]
}

/// Other units to be made along with it: none.
const AUXILIARY: &[(&str, &[(&str, Value<'static>)])] = &[];
