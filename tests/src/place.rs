//! Namespaces with something missing in them, for runners to be started in.
//!
//! A shell makes them and sets them up; they live as long as somebody holds them open. Whoever enters does
//! so between fork and exec, so that a seccomp filter can be loaded after the mounts were made.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use nix::sched::{CloneFlags, setns};

use crate::sys;
use crate::twin::Twin;

/// The namespaces.
#[derive(Debug, Clone)]
pub struct Place(Arc<Vec<File>>);

impl Place {
    /// What unshare(1) makes with these options, once the script has run in it. A user namespace has every
    /// id of this one.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn new(unshare: &[&str], script: &str) -> Self {
        let script = format!("echo; read _\n{script}\necho; read _");
        let mut shell = Command::new("unshare");
        shell.args(unshare).args(["--keep-caps", "sh", "-euc", &script]);
        let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("unshare(1)");
        let mut said = BufReader::new(shell.stdout.take().expect("a pipe"));
        let mut go = shell.stdin.take().expect("a pipe");
        let mut await_line = || {
            let length = said.read_line(&mut String::new());
            assert!(length.is_ok_and(|length| length > 0), "unshare {unshare:?}: {script}");
        };
        await_line();
        let process = Path::new("/proc").join(shell.id().to_string());
        if unshare.contains(&"--user") {
            for map in ["uid_map", "gid_map"] {
                fs::write(process.join(map), "0 0 4294967295\n").expect("map every id");
            }
        }
        go.write_all(b"\n").expect("let the shell go on");
        await_line();
        let namespaces = Self::of(&process);
        drop(go);
        shell.wait().expect("the shell");
        namespaces
    }

    /// Those in which this process differs from us; the user namespace first, as it gives the right to
    /// enter the others.
    fn of(process: &Path) -> Self {
        let differs = |kind: &&str| {
            let link = |process: &Path| fs::read_link(process.join("ns").join(kind)).expect("/proc/PID/ns");
            link(process) != link(Path::new("/proc/self"))
        };
        let kinds = ["user", "cgroup", "mnt"].into_iter().filter(differs);
        let open = |kind| File::open(process.join("ns").join(kind)).expect("open a namespace");
        Self(Arc::new(kinds.map(open).collect()))
    }

    /// Starts the runner here.
    #[must_use]
    pub fn start(&self, twin: Twin) -> Twin {
        let namespaces = Arc::clone(&self.0);
        twin.with(|command| {
            sys::before_exec(command, move || {
                // No allocation: the list is there already.
                namespaces.iter().try_for_each(|namespace| setns(namespace, CloneFlags::empty()))?;
                Ok(())
            });
        })
    }
}
