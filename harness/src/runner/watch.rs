//! Watching one guest: frames, output, deadlines, until its init has ended and the pipes are drained.
//!
//! Never until end of file: a daemon may hold a pipe for ever.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};

use super::clock::{Clock, Tick};
use super::collect::Collector;
use super::launch::{Guest, Launched};
use super::relay::Relay;
use crate::cgroup::Leaf;
use crate::error::{At, Object, SetupError, Step};
use crate::evidence::{Evidence, Violation, WaitStatus};
use crate::plan::Plan;
use crate::rootfs::{Seen, Tree, UpperDir, changes};
use crate::sys::socket::{self, Received};
use crate::wire::{self, Control, Report};

/// Watches to the end and fills the evidence.
pub(crate) fn watch(
    launched: Launched,
    plan: &Plan,
    leaf: Option<&mut Leaf>,
    started: Instant,
    evidence: &mut Evidence,
) {
    let output = Sink::new(plan, launched.stdout, launched.stderr);
    let clock = Clock::new(plan, started, leaf.is_some());
    let open = Open { control: true, report: true };
    let buffer = vec![0; wire::MAX_FRAME];
    let uppers = Vec::new();
    let mut watch =
        Watch { guest: launched.guest, output, clock, leaf, evidence, uppers, open, buffer, speaker: None };
    watch.until_ended();
    watch.finish();
    let tree = plan.guest.tree.as_ref().filter(|tree| tree.changes);
    if let Some(tree) = tree {
        watch.read_changes(tree);
    }
}

/// Which sockets have not reached end of file.
struct Open {
    control: bool,
    report: bool,
}

struct Watch<'a> {
    guest: Guest,
    output: Sink,
    clock: Clock,
    leaf: Option<&'a mut Leaf>,
    evidence: &'a mut Evidence,
    uppers: Vec<UpperDir>,
    open: Open,
    /// For frames and output; a frame is decoded before anything else is read.
    buffer: Vec<u8>,
    /// The body, by the kernel's word.
    speaker: Option<i32>,
}

/// Messages that are read in one turn: more than a socket holds, so all that was there; a flood does not keep us from
/// the clock.
const TURN: usize = 4096;

impl Watch<'_> {
    fn until_ended(&mut self) {
        loop {
            let ended = self.wait();
            // Frames before output: `Started` tells the pid that the relay looks for.
            self.read_control();
            self.read_report();
            self.output.read(&mut self.buffer);
            let never_began = !self.open.control && self.guest.pidfd.is_none();
            if ended || never_began {
                return;
            }
            self.keep_time();
        }
    }

    /// Sleeps until something happens; whether the init has ended.
    fn wait(&self) -> bool {
        let mut fds = self.sources();
        let pause = self.clock.next_event().saturating_duration_since(Instant::now());
        let ready = ppoll(&mut fds, Some(pause.into()), None);
        // EINTR and a timeout are nothing but an early look.
        let ended = fds.last().and_then(PollFd::any).unwrap_or(false);
        ready.is_ok_and(|count| count > 0) && self.guest.pidfd.is_some() && ended
    }

    /// Everything that can wake us; the pidfd last.
    fn sources(&self) -> Vec<PollFd<'_>> {
        let control = self.open.control.then(|| self.guest.control.as_fd());
        let report = self.open.report.then(|| self.guest.report.as_fd());
        let pidfd = self.guest.pidfd.as_ref().map(AsFd::as_fd);
        let sockets = control.into_iter().chain(report);
        let all = sockets.chain(self.output.sources()).chain(pidfd);
        all.map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect()
    }

    fn read_control(&mut self) {
        while let Some(message) = next(self.guest.control.as_fd(), &mut self.buffer) {
            if message.is_end {
                self.open.control = false;
                return;
            }
            let frame = wire::decode::<Control>(&self.buffer[..message.length]);
            match frame {
                Ok(frame) => self.take_control(frame, message),
                Err(_) => self.violated(Violation::Forged { length: message.length }),
            }
        }
    }

    fn take_control(&mut self, frame: Control, mut message: Received) {
        match frame {
            Control::Cloned => self.guest.pidfd = message.fds.pop(),
            Control::SetupFailed(error) if error.step == Step::StayInLeaf => self.left_leaf(error),
            Control::SetupFailed(error) => self.setup_failed(error),
            Control::Ready => {}
            Control::BodyEnded { status, rusage } => {
                self.evidence.body = Some(status);
                self.clock.body_has_ended();
                super::take_rusage(&rusage, self.evidence);
            }
            Control::Leftovers(processes) => self.evidence.leftovers.extend(processes),
            Control::Upper(seen) => self.take_upper(seen, message.fds),
        }
    }

    fn read_report(&mut self) {
        for _ in 0..TURN {
            let Some(message) = next(self.guest.report.as_fd(), &mut self.buffer) else { return };
            if message.is_end {
                self.open.report = false;
                return;
            }
            let frame = wire::decode_report(self.guest.token, &self.buffer[..message.length]);
            match frame {
                // Later ones are the test's own.
                Ok(Report::Upper(seen)) if !message.truncated && !self.evidence.started => {
                    self.take_upper(seen, message.fds);
                }
                Ok(frame) if !message.truncated => self.take_report(frame, message.sender),
                Ok(_) | Err(_) => self.violated(Violation::Forged { length: message.length }),
            }
        }
    }

    fn take_report(&mut self, frame: Report, sender: Option<i32>) {
        let decided = self.evidence.returned.is_some() || self.evidence.panicked.is_some();
        match frame {
            Report::SetupFailed(error) if self.evidence.started && error.step == Step::StayInLeaf => {
                self.left_leaf(error);
            }
            Report::SetupFailed(error) => self.setup_failed(error),
            Report::Started { pid } => {
                self.evidence.started = true;
                self.speaker = sender;
                self.output.started(pid);
            }
            // In a pid namespace that the test has made, a child of it can have the body's own number.
            Report::Returned(_) | Report::Panicked(_) if self.evidence.started && sender != self.speaker => {
                self.violated(Violation::Escaped { pid: sender.unwrap_or(0) });
            }
            Report::Escaped { pid } => self.violated(Violation::Escaped { pid }),
            Report::Panicking => self.evidence.panicking = self.evidence.panicking.saturating_add(1),
            Report::PanicPrinted => self.evidence.panicking = self.evidence.panicking.saturating_sub(1),
            Report::Leftovers(processes) => self.evidence.leftovers.extend(processes),
            Report::Returned(_) | Report::Panicked(_) if decided => {
                self.violated(Violation::OutOfOrder { frame: "a second verdict" });
            }
            Report::Returned(_) | Report::Panicked(_) if !self.evidence.started => {
                self.violated(Violation::OutOfOrder { frame: "a verdict before the start" });
            }
            Report::Upper(_) => self.violated(Violation::OutOfOrder { frame: "an upperdir after the start" }),
            Report::Returned(code) => self.evidence.returned = Some(code),
            Report::Panicked(panic) => self.evidence.panicked = Some(panic),
        }
    }

    /// Without its descriptor it is none, and the changes are not known.
    fn take_upper(&mut self, seen: Seen, mut fds: Vec<OwnedFd>) {
        self.uppers.extend(fds.pop().map(|directory| UpperDir { directory, seen }));
    }

    fn setup_failed(&mut self, error: SetupError) {
        self.evidence.setup.get_or_insert(error);
    }

    fn left_leaf(&mut self, error: SetupError) {
        self.evidence.left_leaf.get_or_insert(error);
    }

    fn violated(&mut self, violation: Violation) {
        self.evidence.violation.get_or_insert(violation);
    }

    fn keep_time(&mut self) {
        if self.output.overflows() && self.clock.stop() {
            self.guest.stop();
        }
        match self.clock.tick(self.leaf.as_deref_mut()) {
            Tick::Nothing => {}
            Tick::Expired(deadline) => {
                self.evidence.deadline = Some(deadline);
                self.guest.stop();
            }
            Tick::Blind => {
                self.setup_failed(super::no_cpu_time());
                self.guest.stop();
            }
            Tick::Unresponsive => self.guest.kill(),
        }
    }

    /// The init has ended: everything it and the body sent is there to be read.
    fn finish(&mut self) {
        self.output.finish(self.evidence, &mut self.buffer);
        match self.guest.reap() {
            Some(Ok(status)) => self.evidence.init = Some(status),
            Some(Err(errno)) => self.setup_failed(SetupError::new(Step::Wait, Object::None, errno)),
            None => self.no_guest(),
        }
        if self.evidence.body.is_none() && self.evidence.init == Some(WaitStatus::Exited(0)) {
            self.ended_early();
        }
    }

    /// Absent when the guest did not get so far.
    fn read_changes(&mut self, tree: &Tree) {
        if self.uppers.is_empty() {
            return;
        }
        match changes::collect(&self.uppers, tree).at(Step::ReadChanges, Object::None) {
            Ok(changes) => self.evidence.changes = Some(changes),
            Err(error) => self.evidence.cleanup.push(error),
        }
    }

    /// End of file before a pidfd: the zygote is gone, or refused and said so.
    fn no_guest(&mut self) {
        self.setup_failed(SetupError::new(Step::AskZygote, Object::None, Errno::EPIPE));
    }

    /// An init that ends without a body has said why, or lost its channel.
    fn ended_early(&mut self) {
        self.setup_failed(SetupError::new(Step::Wait, "the init", Errno::EPIPE));
    }
}

/// Where the guest's output goes.
enum Sink {
    /// To where a test prints.
    Relay(Box<Relay>),
    /// To the caller of a sandbox.
    Collector(Collector),
}

impl Sink {
    fn new(plan: &Plan, stdout: OwnedFd, stderr: OwnedFd) -> Self {
        match plan.output_max {
            Some(limit) => Self::Collector(Collector::new(stdout, stderr, limit)),
            None => Self::Relay(Box::new(Relay::new(stdout, stderr, &plan.guest.name))),
        }
    }

    fn sources(&self) -> Vec<BorrowedFd<'_>> {
        match self {
            Self::Relay(relay) => relay.sources().collect(),
            Self::Collector(collector) => collector.sources().collect(),
        }
    }

    fn read(&mut self, buffer: &mut [u8]) {
        match self {
            Self::Relay(relay) => relay.forward(buffer),
            Self::Collector(collector) => collector.collect(buffer),
        }
    }

    fn started(&mut self, pid: i32) {
        match self {
            Self::Relay(relay) => relay.rename_thread(pid),
            Self::Collector(_) => {}
        }
    }

    fn overflows(&self) -> bool {
        matches!(self, Self::Collector(collector) if collector.overflows())
    }

    fn finish(&mut self, evidence: &mut Evidence, buffer: &mut [u8]) {
        match self {
            Self::Relay(relay) => relay.finish(buffer),
            Self::Collector(collector) => evidence.output = collector.finish(buffer),
        }
    }
}

/// The next message that is already there.
fn next(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> Option<Received> {
    socket::receive(socket, buffer, false).ok()
}
