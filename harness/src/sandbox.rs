//! [`Sandbox`]: a program in a guest, asked for as with `std::process::Command`.
//!
//! The options are those of the attribute, owned; `check.rs` refuses what the attribute refuses when it is
//! compiled; `run.rs` makes a Spec of them and goes the same road as a test: Plan, runner, guest, Outcome.

mod check;
mod error;
mod run;
#[cfg(test)]
mod tests;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use self::error::{Error, Invalid};
pub use self::run::Run;
use crate::spec::{IdMapping, Leaks, Limits, Namespaces, Resource, Rlimit, Size, Upper};

/// Runs a program isolated and measured: in fresh namespaces, on a root filesystem of its own, within limits.
///
/// It reads like [`std::process::Command`]; what is not asked for stays as it is for this process. The standard
/// input is `/dev/null`. The program runs below a small init that reaps orphans and kills what the program leaves
/// behind; when [`output`](Self::output) returns, no process, mount or cgroup of the run is left.
///
/// ```
/// use harness::{Outcome, Sandbox, Size};
///
/// # fn main() { match example() { Ok(()) | Err(harness::Error::Unsupported(_)) => {} Err(error) => panic!("{error}") } }
/// # fn example() -> Result<(), harness::Error> {
/// let run = Sandbox::new()
///     .pid()
///     .uts()
///     .hostname("box")
///     .memory_max(Size::mib(100))
///     .command("sh")
///     .args(["-c", "echo $$ on $(uname -n); exit 3"])
///     .output()?;
/// assert_eq!(run.stdout, b"2 on box\n"); // pid 1 is the init
/// assert_eq!(run.outcome, Outcome::Exited(3));
/// # Ok(())
/// # }
/// ```
///
/// A sandbox is a value: cloned, the same guest is made again, or another one that differs in a point.
///
/// # What it needs
///
/// Linux 5.10. The program is started by the zygote, a copy of this process from before `main` with one thread:
/// a process that was started with the argument `--list` (as test runners list tests) has none, and neither has a
/// guest.
/// Without root, namespaces bring a user namespace, in which the program is root and its files are this user's;
/// limits need a cgroup that may be divided (`harness doctor` tells). What this machine lacks is an
/// [`Error::Unsupported`]; nothing ever runs without what was asked for.
#[derive(Debug, Clone)]
#[must_use = "a sandbox does nothing until `output` is called"]
pub struct Sandbox {
    namespaces: Namespaces,
    program_is_pid1: bool,
    hostname: Option<String>,
    uid: Option<u32>,
    gid: Option<u32>,
    id_mapping: Option<IdMapping>,
    rootfs: Option<Source>,
    upper: Option<Upper>,
    files: Vec<(PathBuf, String)>,
    changes: bool,
    readonly: bool,
    binds: Vec<Bound>,
    tmpfs: Vec<(PathBuf, Option<Size>)>,
    workdir: Option<PathBuf>,
    environment: Vec<(OsString, OsString)>,
    env_clear: bool,
    /// But for `cpu_max`, `cpuset` and `rlimits`.
    limits: Limits<'static>,
    cpu_max: Option<f64>,
    cpuset: Option<String>,
    rlimits: Vec<Rlimit>,
    leaks: Option<Leaks>,
    output_max: Size,
    command: Option<OsString>,
    arguments: Vec<OsString>,
}

/// Where the root filesystem comes from.
#[derive(Debug, Clone)]
enum Source {
    Host,
    Path(PathBuf),
}

/// A bind mount.
#[derive(Debug, Clone)]
struct Bound {
    source: PathBuf,
    target: PathBuf,
    readonly: bool,
}

/// [`Sandbox::output_max`] unless another one is given.
const OUTPUT_MAX: Size = Size::mib(256);

impl Default for Sandbox {
    fn default() -> Self {
        Self::new()
    }
}

/// What is run.
impl Sandbox {
    /// A sandbox that isolates and limits nothing yet.
    pub fn new() -> Self {
        Self {
            namespaces: Namespaces::NONE,
            program_is_pid1: false,
            hostname: None,
            uid: None,
            gid: None,
            id_mapping: None,
            rootfs: None,
            upper: None,
            files: Vec::new(),
            changes: false,
            readonly: false,
            binds: Vec::new(),
            tmpfs: Vec::new(),
            workdir: None,
            environment: Vec::new(),
            env_clear: false,
            limits: Limits::NONE,
            cpu_max: None,
            cpuset: None,
            rlimits: Vec::new(),
            leaks: None,
            output_max: OUTPUT_MAX,
            command: None,
            arguments: Vec::new(),
        }
    }

    /// Sets the program. A name without a slash is looked for in the PATH of the guest's environment; either is
    /// looked for in the guest's root. It is `argv[0]` as it is given here.
    ///
    /// Where the root filesystem is an image, a command replaces its entrypoint and its command; without one these
    /// two run.
    pub fn command(mut self, program: impl AsRef<OsStr>) -> Self {
        self.command = Some(program.as_ref().to_owned());
        self
    }

    /// Adds an argument.
    ///
    /// Where the root filesystem is an image and no [`command`](Self::command) is given, arguments replace the
    /// image's command, behind its entrypoint.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    pub fn args(self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        arguments.into_iter().fold(self, Self::arg)
    }

    /// Sets an environment variable. The others are this process's, or, where the root filesystem is an image, the
    /// image's alone.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Starts with an empty environment: only what [`env`](Self::env) sets, before or after, is in it.
    pub fn env_clear(mut self) -> Self {
        self.env_clear = true;
        self
    }

    /// Sets the working directory, an absolute path in the guest. By default the current directory; in another
    /// root filesystem `/`, or what its image says.
    pub fn workdir(mut self, directory: impl AsRef<Path>) -> Self {
        self.workdir = Some(directory.as_ref().to_owned());
        self
    }

    /// Sets how much the program may write, stdout and stderr together: 256 MiB by default. One that writes more
    /// is killed, with [`Outcome::WroteTooMuch`](crate::Outcome::WroteTooMuch): output is whole, or said not to be.
    pub fn output_max(mut self, size: Size) -> Self {
        self.output_max = size;
        self
    }

    /// Sets what becomes of a run whose program leaves processes behind. They are killed in any case, and stand in
    /// [`Run::leftovers`]. By default [`Leaks::Fail`] with a pid namespace, where all processes are known to be
    /// the guest's, else [`Leaks::Warn`]; of a sandbox, `Warn` and [`Leaks::Allow`] say the same.
    pub fn leaks(mut self, policy: Leaks) -> Self {
        self.leaks = Some(policy);
        self
    }
}

/// Namespaces: `namespaces(7)`. Those that other options need come by themselves.
impl Sandbox {
    /// A new user namespace. Without root every other one needs it, and brings it.
    pub fn user(self) -> Self {
        self.unshare(Namespaces::USER)
    }

    /// A new pid namespace: the program is pid 2 below the init. Brings a mount namespace with its own `/proc`.
    pub fn pid(self) -> Self {
        self.unshare(Namespaces::PID)
    }

    /// A new pid namespace whose pid 1 is the program itself: it ignores the signals that it does not handle, and
    /// what it leaves behind is killed by the kernel with it, unseen.
    pub fn pid1(mut self) -> Self {
        self.program_is_pid1 = true;
        self.pid()
    }

    /// A new mount namespace.
    pub fn mount(self) -> Self {
        self.unshare(Namespaces::MOUNT)
    }

    /// A new UTS namespace.
    pub fn uts(self) -> Self {
        self.unshare(Namespaces::UTS)
    }

    /// A new IPC namespace.
    pub fn ipc(self) -> Self {
        self.unshare(Namespaces::IPC)
    }

    /// A new network namespace, with loopback up and nothing else.
    pub fn net(self) -> Self {
        self.unshare(Namespaces::NET)
    }

    /// A new cgroup namespace, rooted at the guest's own cgroup.
    pub fn cgroup(self) -> Self {
        self.unshare(Namespaces::CGROUP)
    }

    /// A new time namespace (Linux 5.6).
    pub fn time(self) -> Self {
        self.unshare(Namespaces::TIME)
    }

    /// All of them.
    pub fn all(self) -> Self {
        self.unshare(Namespaces::ALL)
    }

    fn unshare(mut self, namespaces: Namespaces) -> Self {
        self.namespaces = self.namespaces.with(namespaces);
        self
    }
}

/// Identity.
impl Sandbox {
    /// Sets the host name, of at most 64 bytes; brings a UTS namespace.
    pub fn hostname(mut self, hostname: impl Into<String>) -> Self {
        self.hostname = Some(hostname.into());
        self.uts()
    }

    /// Sets the program's user id. Another one than 0 has no capabilities. Without root it is this user's, seen as
    /// that id in a user namespace.
    pub fn uid(mut self, uid: u32) -> Self {
        self.uid = Some(uid);
        self
    }

    /// Sets the program's group id; it has no supplementary groups then.
    pub fn gid(mut self, gid: u32) -> Self {
        self.gid = Some(gid);
        self
    }

    /// Sets who the program is in its user namespace; brings one.
    pub fn map(mut self, mapping: IdMapping) -> Self {
        self.id_mapping = Some(mapping);
        self.user()
    }
}

/// Filesystem. Each of these brings a mount namespace.
impl Sandbox {
    /// Sets the root filesystem: a copy-on-write view of this directory, which is never written. Relative paths
    /// start at the current directory. What the program writes is charged to its memory.
    pub fn rootfs(mut self, source: impl AsRef<Path>) -> Self {
        self.rootfs = Some(Source::Path(source.as_ref().to_owned()));
        self.mount()
    }

    /// Sets the root filesystem to a copy-on-write view of the host's.
    pub fn host_rootfs(mut self) -> Self {
        self.rootfs = Some(Source::Host);
        self.mount()
    }

    /// Sets where what the guest writes to its root goes; memory when not given.
    pub fn upper(mut self, upper: Upper) -> Self {
        self.upper = Some(upper);
        self
    }

    /// Makes a file with this content at an absolute path, bound there: the guest may write to it, not rename or
    /// remove it. Without a root filesystem of its own the host must have a file there, which stays as it is.
    pub fn file(mut self, target: impl AsRef<Path>, content: impl Into<String>) -> Self {
        self.files.push((target.as_ref().to_owned(), content.into()));
        self.unshare(Namespaces::MOUNT)
    }

    /// Asks for [`Run::changes`]: what the guest wrote to its root. It needs a root filesystem of its own, and an
    /// upperdir: not [`Upper::Copy`].
    pub fn changes(mut self) -> Self {
        self.changes = true;
        self
    }

    /// Mounts the whole tree read-only, but for `tmpfs` and writable binds.
    pub fn readonly(mut self) -> Self {
        self.readonly = true;
        self.mount()
    }

    /// Shows a file or directory of the host, writable, at an absolute path in the guest. Relative sources start
    /// at the current directory.
    pub fn bind(self, source: impl AsRef<Path>, target: impl AsRef<Path>) -> Self {
        self.bound(source.as_ref(), target.as_ref(), false)
    }

    /// As [`bind`](Self::bind), read-only.
    pub fn bind_readonly(self, source: impl AsRef<Path>, target: impl AsRef<Path>) -> Self {
        self.bound(source.as_ref(), target.as_ref(), true)
    }

    fn bound(mut self, source: &Path, target: &Path, readonly: bool) -> Self {
        self.binds.push(Bound { source: source.to_owned(), target: target.to_owned(), readonly });
        self.mount()
    }

    /// Mounts a fresh tmpfs at an absolute path, of this size; without one, of half of the machine's memory. What
    /// is written to it is charged to the guest's memory.
    pub fn tmpfs(mut self, target: impl AsRef<Path>, size: impl Into<Option<Size>>) -> Self {
        self.tmpfs.push((target.as_ref().to_owned(), size.into()));
        self.mount()
    }
}

/// Limits: written before the program is there, read back and compared, and looked at again at the end. Those
/// of memory, processes and CPU are a cgroup's, of all the guest's processes together. Of a program that ended in
/// another cgroup, where they do not hold, there is no run but an error; v2 only: v1 does not say where it ended.
impl Sandbox {
    /// Limits memory (`memory.max`); without [`swap_max`](Self::swap_max) there is no swap.
    pub fn memory_max(mut self, size: Size) -> Self {
        self.limits.memory_max = Some(size);
        self
    }

    /// Allows so much swap (`memory.swap.max`) on top of the memory.
    pub fn swap_max(mut self, size: Size) -> Self {
        self.limits.swap_max = Some(size);
        self
    }

    /// Limits processes and threads (`pids.max`).
    pub fn pids_max(mut self, count: u64) -> Self {
        self.limits.pids_max = Some(count);
        self
    }

    /// Limits the CPU bandwidth (`cpu.max`) to so many cores, to a thousandth: `0.5`.
    pub fn cpu_max(mut self, cores: f64) -> Self {
        self.cpu_max = Some(cores);
        self
    }

    /// Runs on these CPUs only (`cpuset.cpus`), a list such as `0-3,7`.
    pub fn cpuset(mut self, cpus: impl Into<String>) -> Self {
        self.cpuset = Some(cpus.into());
        self
    }

    /// Limits the wall time, from the request to the end.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.limits.timeout = Some(time);
        self
    }

    /// Limits the CPU time, user and system.
    pub fn cpu_time(mut self, time: Duration) -> Self {
        self.limits.cpu_time = Some(time);
        self
    }

    /// Sets a limit of `setrlimit(2)`, soft and hard, in the resource's own unit; `None` is unlimited. Of each
    /// process by itself; children inherit it.
    pub fn rlimit(mut self, resource: Resource, value: impl Into<Option<u64>>) -> Self {
        self.rlimits.retain(|limit| limit.resource != resource);
        self.rlimits.push(Rlimit { resource, value: value.into() });
        self
    }
}
