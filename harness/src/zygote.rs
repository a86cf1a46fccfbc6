//! The pre-main helper: a copy of this process from before `main`, with one thread, that makes guests.
//!
//! `fork` in a multithreaded test runner hangs or lies (locks held by threads that are not copied), and
//! starting the binary again costs milliseconds and evaluates everything twice. The zygote was copied
//! when there was one thread and an empty heap, so its copies are sound and cheap for ever. It runs no
//! user code, holds no stdio, is invisible to `wait()` (exit signal 0), and dies with the runner.
//!
//! The guest is cloned with `CLONE_PARENT`: it is the *runner's* child, who owns its pidfd and status.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;

use nix::errno::Errno;
use nix::unistd::getppid;

use crate::error::{At, Object, SetupError, Step, Unsupported};
use crate::init;
use crate::plan;
use crate::sys::clone::{Request as Clone, Side, clone};
use crate::sys::{fds, process, signals, socket, wait};
use crate::wire::{self, Control, IdMaps, Request};

/// The zygote as the runner sees it, or why there is none.
static LINK: OnceLock<Result<Link, Absence>> = OnceLock::new();

/// The runner's end of the socket to the zygote, who that is, and whose it is.
#[derive(Debug)]
struct Link {
    socket: OwnedFd,
    pid: process::Pid,
    pidfd: OwnedFd,
    runner: process::Pid,
}

/// Why there is no zygote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Absence {
    /// Another constructor had started threads before ours ran.
    Threads(u64),
    /// The kernel refused a socket or a process.
    Refused(Errno),
    /// This process only lists its tests.
    Listing,
    /// This process is itself a zygote or a guest.
    Nested,
}

/// Makes the zygote. Called once, before `main`, by sys/constructor.rs.
pub(crate) fn start() {
    let link = make();
    // Nobody else sets it: a second constructor of ours cannot be linked.
    drop(LINK.set(link));
}

fn make() -> Result<Link, Absence> {
    if lists_tests() {
        return Err(Absence::Listing);
    }
    match process::threads() {
        // 0: a /proc whose link counts mean nothing.
        Some(0 | 1) | None => {}
        Some(count) => return Err(Absence::Threads(count)),
    }
    let (ours, theirs) = socket::pair().map_err(Absence::Refused)?;
    let runner = nix::unistd::getpid();
    match clone(Clone::default()).map_err(Absence::Refused)? {
        Side::Parent { pid, pidfd } => {
            // Without memory for it the machine's pid 1 reaps the zygote, if that one reaps at all.
            let _ = process::at_exit(dismiss);
            Ok(Link { socket: ours, pid, pidfd, runner })
        }
        Side::Child => {
            drop(ours);
            drop(LINK.set(Err(Absence::Nested)));
            serve(theirs, runner)
        }
    }
}

/// `--list` starts no test: nothing is to be paid for it.
fn lists_tests() -> bool {
    let arguments = std::fs::read("/proc/self/cmdline").unwrap_or_default();
    arguments.split(|byte| *byte == 0).any(|argument| argument == b"--list")
}

/// The zygote's pid, where there is one.
pub(crate) fn pid() -> Option<process::Pid> {
    LINK.get()?.as_ref().ok().map(|link| link.pid)
}

/// Ends the zygote and waits for that: before this process becomes another program, which must not find a child
/// that it never made, before the zygote's cgroup is removed, and when this process ends: in a container whose
/// pid 1 reaps nobody each would stay as a zombie. Nobody waits for what it may be doing.
pub(crate) extern "C" fn dismiss() {
    // A copy of the runner that a test has made ends, too: the zygote is not its own.
    let owned =
        LINK.get().and_then(|link| link.as_ref().ok()).filter(|link| link.runner == nix::unistd::getpid());
    // Somebody who waits for every child has reaped it, before (ESRCH) or meanwhile (ECHILD): as good.
    if let Some(link) = owned
        && process::signal(link.pidfd.as_fd(), libc::SIGKILL).is_ok()
    {
        let _ = wait::reap(link.pidfd.as_fd());
    }
}

/// Sends a request with its descriptors.
///
/// # Errors
/// `Unsupported` when there never was a zygote; [`Step::AskZygote`] when it is gone.
pub(crate) fn ask(request: &Request, fds: &[BorrowedFd<'_>]) -> Result<Result<(), SetupError>, Unsupported> {
    match LINK.get() {
        Some(Ok(link)) => {
            let message = wire::encode(request);
            Ok(socket::send(link.socket.as_fd(), &message, fds).at(Step::AskZygote, Object::None))
        }
        Some(Err(absence)) => Err(absence.explain()),
        None => Err(Absence::Refused(Errno::ENOSYS).explain()),
    }
}

impl Absence {
    fn explain(self) -> Unsupported {
        let (found, remedy) = match self {
            Self::Threads(count) => (
                format!(
                    "{count} threads before main: another constructor (ctor, a preloaded library) starts one"
                ),
                "start that thread later, or keep that crate out of this test binary",
            ),
            Self::Refused(errno) => (
                format!("the process before main could not be copied: {errno}"),
                "check pids.max and ulimit -u",
            ),
            Self::Listing => ("a process that lists its tests (--list)".to_owned(), "run without --list"),
            Self::Nested => (
                "this process is a guest itself".to_owned(),
                "call the isolated function from the runner, or start a new program in the guest",
            ),
        };
        Unsupported { need: "the zygote".to_owned(), found, remedy: remedy.to_owned(), step: None }
    }
}

/// The zygote's life: one request after the other until the runner is gone.
fn serve(link: OwnedFd, runner: process::Pid) -> ! {
    if process::die_with_parent().is_err() || getppid() != runner {
        process::exit_now(0);
    }
    process::set_name(c"harness-zygote");
    if detach_stdio().is_err() || settle_signals().is_err() {
        process::exit_now(1);
    }
    fds::close_all_but(&[link.as_fd()]);
    let mut buffer = vec![0; wire::MAX_FRAME];
    loop {
        let Ok(message) = socket::receive(link.as_fd(), &mut buffer, true) else { process::exit_now(1) };
        if message.is_end {
            process::exit_now(0);
        }
        let request = wire::decode::<Request>(&buffer[..message.length]);
        // A request that is none closes its descriptors: the runner reads end of file and says so.
        let (Ok(request), Some(ends)) = (request, init::Ends::from_fds(message.fds)) else { continue };
        if let Some((ends, gate)) = launch(&request, ends) {
            drop(link);
            init::main(ends, gate);
        }
    }
}

/// A process that outlived its runner with an inherited stdout would look like a leak to nextest.
fn detach_stdio() -> Result<(), Errno> {
    let null = File::options().read(true).write(true).open("/dev/null");
    let null = null.map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))?;
    (0..3).try_for_each(|number| fds::install(null.as_fd(), number))
}

/// Once for all guests, which inherit it: an init reads signals from a signalfd; and what is ignored would be ignored
/// in the body, too, where an ignored SIGCHLD would reap it unseen. A Ctrl-C at the terminal is the runner's affair.
fn settle_signals() -> Result<(), Errno> {
    signals::block_all()?;
    signals::heed_ignored()
}

/// Clones a guest. `Some` in the guest.
fn launch(request: &Request, ends: init::Ends) -> Option<(init::Ends, Option<OwnedFd>)> {
    let gate = request.id_maps.as_ref().map(|_| nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC));
    let gate = match gate.transpose() {
        Ok(gate) => gate,
        Err(errno) => return refuse(&ends, SetupError::new(Step::Channel, "the id map's pipe", errno)),
    };
    let flags = request.flags | u64::from(libc::CLONE_PARENT.cast_unsigned());
    match clone(Clone { flags, ..Clone::default() }) {
        Ok(Side::Child) => Some((ends, gate.map(|(read, _write)| read))),
        Ok(Side::Parent { pid, pidfd }) => {
            say(&ends, &Control::Cloned, &[pidfd.as_fd()]);
            if let (Some((read, write)), Some(maps)) = (gate, &request.id_maps) {
                drop(read);
                open_gate(&ends, &write, pid, maps);
            }
            None
        }
        Err(errno) => {
            let namespaces = plan::flag_names(request.flags);
            refuse(&ends, SetupError::new(Step::Clone, namespaces.as_str(), errno))
        }
    }
}

fn refuse<T>(ends: &init::Ends, error: SetupError) -> Option<T> {
    say(ends, &Control::SetupFailed(error), &[]);
    None
}

/// A runner that is gone does not hear; the guest then sees the same and ends.
fn say(ends: &init::Ends, frame: &Control, fds: &[BorrowedFd<'_>]) {
    let _ = socket::send(ends.control.as_fd(), &wire::encode(frame), fds);
}

/// Writes the id maps of the new user namespace, then lets the guest go on. On an error the gate is
/// dropped unopened and the guest ends.
fn open_gate(ends: &init::Ends, gate: &OwnedFd, pid: process::Pid, maps: &IdMaps) {
    match write_maps(pid, maps) {
        // EPIPE: the guest was killed meanwhile; its end is seen by the runner.
        Ok(()) => {
            let _ = nix::unistd::write(gate, &[1]);
        }
        Err(error) => say(ends, &Control::SetupFailed(error), &[]),
    }
}

/// user_namespaces(7): setgroups before gid_map, where it must be denied.
fn write_maps(pid: process::Pid, maps: &IdMaps) -> Result<(), SetupError> {
    if maps.deny_setgroups {
        write_map(pid, "setgroups", "deny")?;
    }
    write_map(pid, "uid_map", &maps.uid_map)?;
    write_map(pid, "gid_map", &maps.gid_map)
}

fn write_map(pid: process::Pid, file: &str, value: &str) -> Result<(), SetupError> {
    let path = std::path::PathBuf::from(format!("/proc/{pid}/{file}"));
    let object = Object::Write { path: path.clone(), value: value.trim_end().to_owned() };
    std::fs::write(&path, value).at(Step::WriteMap, object)
}
