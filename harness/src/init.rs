//! The guest's first process: pid 1 of a new pid namespace, a subreaper without one.
//!
//! It does the set-up steps, forks the body, reaps orphans, forwards signals, and tells the runner the
//! body's exact wait status and rusage: a pid 1's own exit code is ambiguous (134, 139, ...), and a body
//! that *is* pid 1 ignores SIGTERM and SIGKILL to itself, so that broken tests pass.
//!
//! It never enters the cgroup leaf: limits and figures are the body's alone, and the OOM killer of the
//! leaf does not find it. The body does not hold the control socket, so it cannot speak for the init.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd, siginfo};

use crate::error::{At, Cause, Object, SetupError, Step};
use crate::evidence::{Rusage, WaitStatus};
use crate::guest::{self, Assignment};
use crate::processes;
use crate::rootfs::UpperDir;
use crate::sys::clone::{Request, Side, clone, fork};
use crate::sys::process::{self, Pid};
use crate::sys::socket;
use crate::sys::wait::{Child, any_child};
use crate::wire::{self, Control, Order};

/// The guest's ends of everything that the runner holds the other end of.
#[derive(Debug)]
pub(crate) struct Ends {
    pub(crate) control: OwnedFd,
    pub(crate) report: OwnedFd,
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
    /// A memfd with the [`Assignment`].
    pub(crate) plan: OwnedFd,
    /// The v2 directory of the leaf, from `Order::Enter` until the body is in it.
    pub(crate) leaf: Option<OwnedFd>,
    /// `tasks` of the leaf, one for each v1 hierarchy: the body enters these by itself.
    pub(crate) entrances: Vec<OwnedFd>,
    /// The name of the leaf, and in how many hierarchies it is.
    pub(crate) home: Option<(String, usize)>,
}

impl Ends {
    /// From a request's descriptors, in the order of the fields.
    pub(crate) fn from_fds(fds: Vec<OwnedFd>) -> Option<Self> {
        let mut fds = fds.into_iter();
        let (control, report, stdout, stderr) = (fds.next()?, fds.next()?, fds.next()?, fds.next()?);
        let plan = fds.next()?;
        Some(Self { control, report, stdout, stderr, plan, leaf: None, entrances: Vec::new(), home: None })
    }
}

/// The life of the guest's first process.
pub(crate) fn main(ends: Ends, gate: Option<OwnedFd>) -> ! {
    if gate.is_some_and(|gate| !passes(gate)) {
        // The zygote has told the runner why.
        process::exit_now(0);
    }
    let control = match ends.control.try_clone() {
        Ok(control) => control,
        Err(_) => process::exit_now(1),
    };
    let all_told = match begin(ends) {
        Ok(Some(init)) => init.supervise(),
        Ok(None) => true,
        Err(error) => tell(&control, &Control::SetupFailed(error)),
    };
    // An init that ends otherwise than with 0 is not believed.
    process::exit_now(i32::from(!all_told))
}

/// Waits until the zygote has written the id maps; end of file means that it could not.
fn passes(gate: OwnedFd) -> bool {
    File::from(gate).read(&mut [0]).is_ok_and(|count| count == 1)
}

/// Whether it is on its way. A runner that is gone does not hear; the next poll sees that.
fn tell(control: &OwnedFd, frame: &Control) -> bool {
    socket::send(control.as_fd(), &wire::encode(frame), &[]).is_ok()
}

/// Upperdirs for the runner, which sees when they do not come.
fn show(control: &OwnedFd, uppers: &[UpperDir]) {
    for upper in uppers {
        let frame = wire::encode(&Control::Upper(upper.seen.clone()));
        let _ = socket::send(control.as_fd(), &frame, &[upper.directory.as_fd()]);
    }
}

/// The steps before the body, in order. `None` when the runner called it off.
fn begin(mut ends: Ends) -> Result<Option<Init>, SetupError> {
    process::set_name(c"harness-init");
    // A process group of its own: a kill of the runner's whole group (nextest's timeout) leaves the init
    // to clean up, which it does at the control socket's end of file.
    nix::unistd::setpgid(Pid::from_raw(0), Pid::from_raw(0)).at(Step::Signals, "the process group")?;
    // A copy of the runner, which a test has made by fork, keeps that socket open.
    process::hear_of_parents_end(runner_has_ended()).at(Step::Signals, "the death signal")?;
    process::adopt_orphans().at(Step::Signals, "the subreaper")?;
    let assignment = read_assignment(&ends)?;
    guest::unshare(assignment.plan.unshare_init)?;
    if !assignment.plan.body_is_pid1 {
        show(&ends.control, &guest::prepare(&assignment.plan)?);
    }
    // The body may mount over /proc or unmount it; a working directory stays what it was. A root without
    // /proc shows no processes, here or by name.
    let _ = nix::unistd::chdir("/proc");
    // All are blocked since the zygote. Before the fork: a signal of the body's end must not be missed.
    let signals = SignalFd::with_flags(&SigSet::all(), SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
        .at(Step::Signals, "signalfd")?;
    // Who has not heard it sends no order.
    let _ = tell(&ends.control, &Control::Ready);
    if !await_leaf(&mut ends, &signals) {
        return Ok(None);
    }
    let body = fork_body(&mut ends, &assignment)?;
    let Ends { control, home, leaf, .. } = ends;
    Ok(Some(Init {
        control,
        signals,
        body,
        leaf: home.filter(|_| leaf.is_some() && assignment.plan.may_be_silent).map(|(name, _)| name),
        own_pids: assignment.plan.own_pids,
        stopped: false,
        all_told: true,
    }))
}

/// The runner makes the leaf while the guest is cloned and set up. False when it could not, or is gone.
fn await_leaf(ends: &mut Ends, signals: &SignalFd) -> bool {
    let mut buffer = [0; 256];
    // Another signal has no receiver yet.
    while !is_readable(&ends.control, signals) {
        if signals.read_signal().ok().flatten().is_some_and(|info| is_the_runners_end(&info)) {
            return false;
        }
    }
    let Ok(message) = socket::receive(ends.control.as_fd(), &mut buffer, true) else { return false };
    let Ok(Order::Enter { v2, leaf }) = wire::decode(&buffer[..message.length]) else { return false };
    ends.entrances = message.fds;
    ends.home = (!leaf.is_empty()).then_some((leaf, ends.entrances.len()));
    ends.leaf = if v2 { ends.entrances.pop() } else { None };
    true
}

fn read_assignment(ends: &Ends) -> Result<Assignment, SetupError> {
    let mut message = Vec::new();
    let mut file = File::from(ends.plan.try_clone().at(Step::ReadPlan, Object::None)?);
    file.read_to_end(&mut message).at(Step::ReadPlan, Object::None)?;
    wire::decode(&message).map_err(|_| SetupError {
        step: Step::ReadPlan,
        object: Object::None,
        cause: Cause::Malformed { found: format!("{} bytes that are no plan", message.len()) },
    })
}

/// On v2 the body is born in its leaf: entering it later waits for a grace period of the kernel's RCU, some
/// milliseconds. Where that is refused, or does not do, the body enters by itself.
fn fork_body(ends: &mut Ends, assignment: &Assignment) -> Result<Pid, SetupError> {
    let born = if assignment.plan.migrates { None } else { clone_into_leaf(ends).transpose()? };
    match born {
        Some(Side::Parent { pid, .. }) => return Ok(pid),
        Some(Side::Child) => {
            ends.leaf = None;
            guest::body(ends, assignment)
        }
        None => {}
    }
    match fork().at(Step::ForkBody, Object::None)? {
        Some(pid) => Ok(pid),
        None => guest::body(ends, assignment),
    }
}

/// `None` where there is no v2 leaf or the kernel does not do it: before 5.7, not allowed there, or a C
/// library (musl) whose thread id would be stale.
fn clone_into_leaf(ends: &Ends) -> Option<Result<Side, SetupError>> {
    let leaf = ends.leaf.as_ref().filter(|_| cfg!(target_env = "gnu"))?;
    let request = Request { exit_signal: libc::SIGCHLD, cgroup: Some(leaf.as_fd()), ..Request::default() };
    match clone(request) {
        Err(Errno::ENOSYS | Errno::EINVAL | Errno::E2BIG | Errno::EACCES | Errno::EPERM) => None,
        answer => Some(answer.at(Step::ForkBody, "in its leaf")),
    }
}

/// The signal of the runner's end: the last real-time one, which nobody uses for anything else.
fn runner_has_ended() -> i32 {
    libc::SIGRTMAX()
}

fn is_the_runners_end(info: &siginfo) -> bool {
    i32::try_from(info.ssi_signo) == Ok(runner_has_ended())
}

/// Waits for a message or a signal: whether there is a message.
fn is_readable(control: &OwnedFd, signals: &SignalFd) -> bool {
    let mut fds = [control.as_fd(), signals.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
    let found = poll(&mut fds, PollTimeout::NONE).is_ok();
    found && fds[0].any().unwrap_or(false)
}

/// The init while the body runs.
struct Init {
    control: OwnedFd,
    signals: SignalFd,
    body: Pid,
    /// The name of the body's leaf, where it is looked for there: one of v2, and the body does not look itself.
    leaf: Option<String>,
    own_pids: bool,
    /// The runner has said stop: what is killed now was not left behind.
    stopped: bool,
    /// Whether everything that had to be told is on its way.
    all_told: bool,
}

/// Why the init woke up.
enum Event {
    Child,
    Forward(Signal),
    Stop,
    Timeout,
}

/// How the body ended.
struct End {
    status: WaitStatus,
    rusage: Rusage,
}

const PID_1: Pid = Pid::from_raw(1);

/// How long a process may take to end after the body did: one that was killed a moment ago, or that
/// ends because the body's pipe closed, is not left behind.
const GRACE: Duration = Duration::from_millis(100);

/// How long a killed process may take: one that we may not kill, or that the kernel does not let go, would be waited
/// for for ever.
const PATIENCE: Duration = Duration::from_secs(10);

impl Init {
    /// To the end; whether the runner knows all.
    fn supervise(mut self) -> bool {
        let end = self.await_body();
        self.tell(&Control::BodyEnded { status: end.status, rusage: end.rusage });
        if !self.stopped {
            self.name_leftovers();
        }
        self.kill_all();
        self.all_told
    }

    fn tell(&mut self, frame: &Control) {
        self.all_told &= tell(&self.control, frame);
    }

    /// Until the body has ended, stopped for ever, or the runner says stop.
    fn await_body(&mut self) -> End {
        loop {
            match self.next(PollTimeout::NONE) {
                Event::Child => {
                    if let Some(end) = self.reap() {
                        return end;
                    }
                }
                // The body can be gone already: then the signal has no receiver.
                Event::Forward(signal) => {
                    let _ = kill(self.body, signal);
                }
                Event::Stop => return self.stop(),
                Event::Timeout => {}
            }
        }
    }

    /// Everything that can be reaped now; the body's end if it was among them.
    fn reap(&mut self) -> Option<End> {
        let mut end = None;
        loop {
            match self.reap_one() {
                Ok(Child::Ended { pid, status, rusage }) if pid == self.body => {
                    end = Some(End { status, rusage });
                }
                Ok(Child::Stopped { pid, signal }) if pid == self.body && self.is_stopped_for_ever() => {
                    return Some(self.end_stopped(signal));
                }
                Ok(Child::Ended { .. } | Child::Stopped { .. }) => {}
                Ok(Child::Running | Child::None) | Err(_) => return end,
            }
        }
    }

    /// Until it is reaped, a body shows where it has ended.
    fn reap_one(&mut self) -> Result<Child, Errno> {
        let mut has_left = None;
        let child = any_child(|pid| {
            let leaf = self.leaf.as_ref().filter(|_| pid == self.body);
            has_left = leaf.and_then(|leaf| guest::ended_in(leaf, proc_directory(), pid).err());
        })?;
        if let Some(error) = has_left {
            self.tell(&Control::SetupFailed(error));
        }
        Ok(child)
    }

    /// Whether nothing in the guest's own pid namespace could continue a stopped body. Its state is looked
    /// at last: a process that has just ended may have continued it.
    fn is_stopped_for_ever(&self) -> bool {
        let is_alone = self.own_pids && processes::descendants(proc_directory()).len() <= 1;
        is_alone && processes::is_stopped(proc_directory(), self.body.as_raw())
    }

    fn end_stopped(&mut self, signal: i32) -> End {
        let killed = self.kill_body();
        End { status: WaitStatus::Stopped { signal }, rusage: killed.rusage }
    }

    /// The runner's deadline: tell what is running, kill it, and the body's end with its rusage.
    fn stop(&mut self) -> End {
        self.stopped = true;
        let running = processes::descendants(proc_directory());
        self.tell(&Control::Leftovers(processes::told(running)));
        self.kill_body()
    }

    fn kill_body(&mut self) -> End {
        // ESRCH: it ended by itself meanwhile; its status is waiting.
        let _ = kill(self.body, Signal::SIGKILL);
        loop {
            if let Some(end) = self.reap() {
                return end;
            }
            self.next(PollTimeout::NONE);
        }
    }

    /// What still runs after the body gets a moment to end, and is then told by name.
    fn name_leftovers(&mut self) {
        let deadline = Instant::now() + GRACE;
        while has_children() {
            let running = processes::descendants(proc_directory());
            let dying = running.iter().all(|process| processes::is_dying(proc_directory(), process.pid));
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() && (running.is_empty() || !dying) {
                return self.tell(&Control::Leftovers(processes::named(running)));
            }
            if let Event::Stop = self.next(within(left)) {
                return;
            }
        }
    }

    /// Until no child is left: orphans of those killed become ours and are next.
    fn kill_all(&mut self) {
        if nix::unistd::getpid() == PID_1 {
            // The kernel kills a namespace with its pid 1, whose end is seen after theirs.
            return;
        }
        let give_up = Instant::now() + PATIENCE;
        while has_children() {
            if Instant::now() >= give_up {
                self.all_told = false;
                return;
            }
            for process in processes::descendants(proc_directory()) {
                // ESRCH: it ended by itself meanwhile.
                let _ = kill(Pid::from_raw(process.pid), Signal::SIGKILL);
            }
            self.next(PollTimeout::from(10u8));
        }
    }

    fn next(&mut self, timeout: PollTimeout) -> Event {
        let mut fds = [
            PollFd::new(self.control.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
        ];
        if !matches!(poll(&mut fds, timeout), Ok(count) if count > 0) {
            return Event::Timeout;
        }
        let [control, _] = fds.map(|fd| fd.any().unwrap_or(false));
        if control && self.must_stop() { Event::Stop } else { self.signal() }
    }

    /// Whether the runner said stop, or is gone.
    fn must_stop(&self) -> bool {
        let mut buffer = [0; 64];
        match socket::receive(self.control.as_fd(), &mut buffer, false) {
            Ok(message) if !message.is_end => {
                matches!(wire::decode(&buffer[..message.length]), Ok(Order::Stop))
            }
            Err(Errno::EAGAIN) => false,
            Ok(_) | Err(_) => true,
        }
    }

    fn signal(&mut self) -> Event {
        let info = self.signals.read_signal().ok().flatten();
        if info.is_some_and(|info| is_the_runners_end(&info)) {
            return Event::Stop;
        }
        let number = info.and_then(|info| i32::try_from(info.ssi_signo).ok());
        match number.map(Signal::try_from) {
            Some(Ok(Signal::SIGCHLD)) => Event::Child,
            Some(Ok(signal)) => Event::Forward(signal),
            // A real-time signal has no meaning for an init; none at all is a spurious wake-up.
            Some(Err(_)) | None => Event::Timeout,
        }
    }
}

/// /proc as it was before the body: the init's working directory.
fn proc_directory() -> &'static Path {
    Path::new(".")
}

/// At least a few milliseconds: a process that is dying needs the processor to do it.
fn within(left: Duration) -> PollTimeout {
    PollTimeout::try_from(left.max(Duration::from_millis(5))).unwrap_or(PollTimeout::ZERO)
}

/// Whether any child is left after those that have ended were reaped: asked of the kernel, not of /proc,
/// which the body may have mounted over.
pub(crate) fn has_children() -> bool {
    loop {
        match any_child(|_| ()) {
            Ok(Child::Ended { .. } | Child::Stopped { .. }) => {}
            Ok(Child::Running) => return true,
            Ok(Child::None) | Err(_) => return false,
        }
    }
}
