//! From a Plan to a running guest: channels, the request, the leaf's descriptors.

use std::fs::File;
use std::io::{Seek, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};

use crate::cgroup::Leaf;
use crate::error::{At, SetupError, Step, Unsupported};
use crate::evidence::WaitStatus;
use crate::guest::Assignment;
use crate::plan::Plan;
use crate::sys::body::{self, Body};
use crate::sys::{process, socket, wait};
use crate::wire::{self, Order, Request};
use crate::zygote;

/// The runner's ends of a guest that was asked for. Dropped, the guest is killed.
#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) control: OwnedFd,
    pub(crate) report: OwnedFd,
    pub(crate) token: u64,
    /// The init; known when the zygote has answered.
    pub(crate) pidfd: Option<OwnedFd>,
    is_reaped: bool,
}

impl Guest {
    /// Lets the init fork the body, which enters the leaf. A guest that is gone does not hear; its end is
    /// seen by the watch.
    ///
    /// # Errors
    /// What keeps the order from a guest that waits for it (ETOOMANYREFS, ENOBUFS).
    pub(crate) fn enter(&self, leaf: Option<&Leaf>) -> Result<(), SetupError> {
        let v2 = leaf.and_then(Leaf::clone_into);
        let mut fds = leaf.map(Leaf::entrances).unwrap_or_default();
        fds.extend(v2);
        let order = Order::Enter { v2: v2.is_some(), leaf: leaf.map(Leaf::name).unwrap_or_default() };
        match socket::send(self.control.as_fd(), &wire::encode(&order), &fds) {
            Err(Errno::EPIPE | Errno::ECONNRESET) => Ok(()),
            answer => answer.at(Step::SendPlan, "the leaf's descriptors"),
        }
    }

    /// Asks the init to kill everything and to report. A guest that is gone does not hear.
    pub(crate) fn stop(&self) {
        let _ = socket::send(self.control.as_fd(), &wire::encode(&Order::Stop), &[]);
    }

    /// Kills the init. With a pid namespace everything dies with it; without one the body does
    /// (PR_SET_PDEATHSIG), and a leaf kills what else is in it.
    pub(crate) fn kill(&self) {
        if let Some(pidfd) = &self.pidfd {
            // ESRCH: it has ended already.
            let _ = process::signal(pidfd.as_fd(), libc::SIGKILL);
        }
    }

    /// Waits for the init's end and takes its status.
    pub(crate) fn reap(&mut self) -> Option<Result<WaitStatus, Errno>> {
        self.is_reaped = true;
        self.pidfd.take().map(|pidfd| wait::reap(pidfd.as_fd()))
    }
}

impl Drop for Guest {
    /// A guest whose leaf could not be made, or whose runner panics: ended and reaped.
    fn drop(&mut self) {
        if !self.is_reaped {
            self.stop();
            self.await_pidfd();
            self.kill();
            let _ = self.reap();
        }
    }
}

impl Guest {
    /// The zygote's answer, if it has not been taken yet: end of file when there is none.
    fn await_pidfd(&mut self) {
        let mut buffer = vec![0; wire::MAX_FRAME];
        while self.pidfd.is_none() {
            match socket::receive(self.control.as_fd(), &mut buffer, true) {
                Ok(mut message) if !message.is_end => self.pidfd = message.fds.pop(),
                Ok(_) | Err(_) => return,
            }
        }
    }
}

/// A guest and the reading ends of its output.
#[derive(Debug)]
pub(crate) struct Launched {
    pub(crate) guest: Guest,
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
}

/// The guest's ends; closed in this process when the request is sent, so that a dead zygote or guest is
/// seen as end of file.
struct TheirEnds {
    control: OwnedFd,
    report: OwnedFd,
    stdout: OwnedFd,
    stderr: OwnedFd,
    plan: OwnedFd,
}

/// Asks the zygote for the guest of a plan. It prepares itself, and waits for [`Guest::enter`].
///
/// Without a body the plan's program is it.
pub(crate) fn launch(plan: &Plan, body: Option<Body>) -> Result<Result<Launched, SetupError>, Unsupported> {
    let body = body.map_or(0, body::address);
    let assignment = Assignment { token: super::token(), body, plan: plan.guest.clone() };
    let (launched, theirs) = match channels(&assignment) {
        Ok(both) => both,
        Err(error) => return Ok(Err(error)),
    };
    let request = Request { flags: plan.flags, id_maps: plan.id_maps.clone() };
    let answer = zygote::ask(&request, &theirs.as_fds())?;
    // Before the guest may be dropped, which waits for the end of file.
    drop(theirs);
    Ok(answer.map(|()| launched))
}

impl TheirEnds {
    /// In the order of `init::Ends::from_fds`.
    fn as_fds(&self) -> Vec<BorrowedFd<'_>> {
        let Self { control, report, stdout, stderr, plan } = self;
        [control, report, stdout, stderr, plan].map(AsFd::as_fd).to_vec()
    }
}

fn channels(assignment: &Assignment) -> Result<(Launched, TheirEnds), SetupError> {
    let pair = |name| socket::pair().at(Step::Channel, name);
    let pipe = |name| nix::unistd::pipe2(OFlag::O_CLOEXEC).at(Step::Channel, name);
    let (control, their_control) = pair("the control socket")?;
    let (report, their_report) = pair("the report socket")?;
    let (stdout, their_stdout) = pipe("stdout")?;
    let (stderr, their_stderr) = pipe("stderr")?;
    let plan = memfd(&wire::encode(assignment)).at(Step::SendPlan, "a memfd")?;
    for (pipe, name) in [(&stdout, "stdout"), (&stderr, "stderr")] {
        fcntl(pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).at(Step::Channel, name)?;
    }
    let guest = Guest { control, report, token: assignment.token, pidfd: None, is_reaped: false };
    let theirs = TheirEnds {
        control: their_control,
        report: their_report,
        stdout: their_stdout,
        stderr: their_stderr,
        plan,
    };
    Ok((Launched { guest, stdout, stderr }, theirs))
}

fn memfd(content: &[u8]) -> std::io::Result<OwnedFd> {
    let mut file = File::from(memfd_create(c"harness-plan", MFdFlags::MFD_CLOEXEC)?);
    file.write_all(content)?;
    file.rewind()?;
    Ok(file.into())
}
