//! The ordered recipe inside a guest: the steps, and then the test function or the program.
//!
//! [`prepare`] runs in the init (in the body when the body is pid 1); [`body`] is the forked body's whole
//! life. The order is forced:
//! * the leaf first, so that everything the body does is limited and measured;
//! * the cgroup namespace after it, as it is rooted where the process is;
//! * mounts before ids, which take the privilege away; rlimits before ids, which may forbid raising them,
//!   and before the overflow handler, which must know where the stack ends;
//! * the death signal after ids, which clear it; the directory last, as the user sees it.

mod exec;
mod membership;

use std::ffi::OsString;
use std::io::Write;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sched::CloneFlags;
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid, chdir, getpid, setgroups, sethostname, setresgid, setresuid};

use self::membership::Membership;
pub(crate) use self::membership::ended_in;
use crate::error::{At, Cause, Object, SetupError, Step};
use crate::init::{self, Ends};
use crate::panics;
use crate::plan::GuestPlan;
use crate::processes;
use crate::rootfs::{self, UpperDir};
use crate::spec::Rlimit;
use crate::sys::{
    self, constructor, credentials, environment, fds, interface, process, rlimit, signals, socket,
};
use crate::wire::codec::record;
use crate::wire::{self, Report};

/// What the runner sends a guest, in a memfd: an environment can be larger than a message.
#[derive(Debug)]
pub(crate) struct Assignment {
    /// Stands in every frame of the body.
    pub(crate) token: u64,
    /// Address of the test function; 0 when the body is a program.
    pub(crate) body: u64,
    pub(crate) plan: GuestPlan,
}
record! { Assignment { token, body, plan } }

/// Host name, loopback, mounts: what belongs to the namespaces and not to one process; and the
/// environment, which the body inherits.
///
/// Gives the upperdirs that the runner is to see.
pub(crate) fn prepare(plan: &GuestPlan) -> Result<Vec<UpperDir>, SetupError> {
    if let Some(hostname) = &plan.hostname {
        sethostname(hostname).at(Step::Hostname, hostname.as_str())?;
    }
    if plan.loopback {
        interface::loopback_up().at(Step::Loopback, "lo")?;
    }
    let uppers = plan.tree.as_ref().map(rootfs::enter).transpose()?;
    set_environment(plan)?;
    Ok(uppers.unwrap_or_default())
}

/// Enters new namespaces (`CLONE_NEW*`); nothing for 0.
pub(crate) fn unshare(flags: u64) -> Result<(), SetupError> {
    if flags == 0 {
        return Ok(());
    }
    let names = crate::plan::flag_names(flags);
    let flags = i32::try_from(flags).map_err(|_| Errno::EINVAL).at(Step::Unshare, names.as_str())?;
    nix::sched::unshare(CloneFlags::from_bits_retain(flags)).at(Step::Unshare, names.as_str())
}

/// The body's life: its steps, then the program, or the test function, its report, its end.
pub(crate) fn body(ends: &Ends, assignment: &Assignment) -> ! {
    let reporter = match Reporter::new(ends, assignment.token) {
        Ok(reporter) => reporter,
        // Nobody to tell: the runner sees a body that ended without a report.
        Err(_) => process::exit_now(1),
    };
    let plan = &assignment.plan;
    let ready = steps(ends, plan, &reporter);
    match (ready, &plan.program) {
        (Err(error), _) => reporter.give_up(error),
        (Ok(_), Some(argv)) => run_program(&reporter, plan, argv),
        (Ok(membership), None) => match test_function(assignment) {
            Ok(test) => run_test(&reporter, plan, membership.as_ref(), test),
            Err(error) => reporter.give_up(error),
        },
    }
}

/// The report socket closes with the exec: from then on the program's wait status speaks, and it has no
/// descriptor to forge a report on.
fn run_program(reporter: &Reporter, plan: &GuestPlan, argv: &[OsString]) -> ! {
    reporter.send(Report::Started { pid: reporter.pid });
    reporter.give_up(exec::execute(argv, &plan.environment))
}

fn run_test(
    reporter: &Reporter,
    plan: &GuestPlan,
    membership: Option<&Membership>,
    test: sys::body::Body,
) -> ! {
    constructor::run_the_rest();
    let teller = *reporter;
    panics::watch(move |report| teller.try_send(report));
    reporter.send(Report::Started { pid: reporter.pid });
    let end = panics::catch(test);
    conclude(reporter, plan, membership, end)
}

/// The steps of the body, in order. Where it is then, if it has a leaf.
fn steps(ends: &Ends, plan: &GuestPlan, reporter: &Reporter) -> Result<Option<Membership>, SetupError> {
    enter_leaf(ends)?;
    let own_view = plan.unshare_body != 0;
    let open = |home| Membership::open(home, own_view, REPORT_FD + 1);
    let membership = ends.home.clone().map(open).transpose()?.flatten();
    unshare(plan.unshare_body)?;
    process::die_with_parent().at(Step::ForkBody, "the death signal")?;
    if plan.body_is_pid1 {
        reporter.show(&prepare(plan)?);
    }
    connect_stdio(ends)?;
    let kept = [Some(reporter.socket), membership.as_ref().map(Membership::descriptor)];
    fds::close_all_but(&kept.into_iter().flatten().collect::<Vec<_>>());
    plan.rlimits.iter().try_for_each(set_rlimit)?;
    set_signals(plan)?;
    become_user(plan)?;
    process::die_with_parent().at(Step::ForkBody, "the death signal")?;
    process::set_name(c"harness-body");
    enter_directory(plan)?;
    Ok(membership)
}

fn test_function(assignment: &Assignment) -> Result<sys::body::Body, SetupError> {
    sys::body::at(assignment.body).ok_or_else(|| SetupError {
        step: Step::ReadPlan,
        object: Object::from("the test function"),
        cause: Cause::Malformed { found: "an address outside every object loaded before main".to_owned() },
    })
}

/// The kernel moves the writer: "0" is the calling process (cgroups(7)).
fn enter_leaf(ends: &Ends) -> Result<(), SetupError> {
    for entrance in &ends.entrances {
        nix::unistd::write(entrance, b"0").at(Step::EnterLeaf, "tasks")?;
    }
    let Some(leaf) = &ends.leaf else { return Ok(()) };
    let procs = openat(leaf, "cgroup.procs", OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty());
    let procs = procs.at(Step::EnterLeaf, "cgroup.procs")?;
    nix::unistd::write(&procs, b"0").at(Step::EnterLeaf, "cgroup.procs").map(drop)
}

/// Standard input is /dev/null already (zygote.rs).
fn connect_stdio(ends: &Ends) -> Result<(), SetupError> {
    fds::install(ends.stdout.as_fd(), 1).at(Step::Stdio, "stdout")?;
    fds::install(ends.stderr.as_fd(), 2).at(Step::Stdio, "stderr")
}

fn set_signals(plan: &GuestPlan) -> Result<(), SetupError> {
    // A group of its own: `kill(0, ..)` in a test reaches the test's processes, not the init.
    nix::unistd::setpgid(getpid(), getpid()).at(Step::Signals, "the process group")?;
    // What std's runtime does for `main`; a program has a runtime of its own, and every signal at its default.
    if plan.program.is_none() {
        signals::ignore_sigpipe().at(Step::Signals, "SIGPIPE")?;
        signals::report_stack_overflow(&plan.name).at(Step::Signals, "SIGSEGV")?;
    }
    signals::unblock_all().at(Step::Signals, "the mask")
}

fn set_rlimit(limit: &Rlimit) -> Result<(), SetupError> {
    let name = format!("{:?}", limit.resource).to_lowercase();
    let object = || Object::Name(format!("{name} = {}", amount(limit.value)));
    rlimit::set(limit.resource, limit.value).at(Step::Rlimit, object())?;
    match rlimit::get(limit.resource).at(Step::Rlimit, object())? {
        found if found == limit.value => Ok(()),
        found => {
            let cause = Cause::ReadBack { found: amount(found) };
            Err(SetupError { step: Step::ReadBack, object: object(), cause })
        }
    }
}

fn amount(value: Option<u64>) -> String {
    value.map_or_else(|| "unlimited".to_owned(), |value| value.to_string())
}

/// An id other than root is an ordinary user: without capabilities, also where the kernel would leave
/// them (a user namespace with one mapped id).
fn become_user(plan: &GuestPlan) -> Result<(), SetupError> {
    if plan.uid.is_none() && plan.gid.is_none() {
        return Ok(());
    }
    if plan.may_set_groups {
        let groups: Vec<Gid> = plan.groups.iter().copied().map(Gid::from_raw).collect();
        setgroups(&groups).at(Step::SetIds, format!("supplementary groups {:?}", plan.groups).as_str())?;
    }
    if let Some(gid) = plan.gid {
        let id = Gid::from_raw(gid);
        setresgid(id, id, id).at(Step::SetIds, format!("gid {gid}").as_str())?;
    }
    if let Some(uid) = plan.uid {
        let id = Uid::from_raw(uid);
        setresuid(id, id, id).at(Step::SetIds, format!("uid {uid}").as_str())?;
        if uid != 0 {
            credentials::drop_capabilities().at(Step::DropCapabilities, Object::None)?;
        }
    }
    Ok(())
}

fn enter_directory(plan: &GuestPlan) -> Result<(), SetupError> {
    let Some(directory) = plan.workdir.as_deref() else { return Ok(()) };
    chdir(directory).at(Step::Workdir, directory)
}

fn set_environment(plan: &GuestPlan) -> Result<(), SetupError> {
    let variables = plan.environment.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()));
    environment::replace(variables).at(Step::Environment, Object::None)
}

/// The body's side of the report socket.
#[derive(Debug, Clone, Copy)]
struct Reporter {
    socket: std::os::fd::BorrowedFd<'static>,
    token: u64,
    /// The body's pid; a forked child of it has another.
    pid: i32,
}

/// Above what a test opens: a program that closes or counts its first descriptors does not meet ours.
const REPORT_FD: i32 = 200;

impl Reporter {
    fn new(ends: &Ends, token: u64) -> Result<Self, Errno> {
        let high = fds::duplicate_above(ends.report.as_fd(), REPORT_FD);
        let socket = high.or_else(|_| fds::duplicate_above(ends.report.as_fd(), 3))?;
        Ok(Self { socket: fds::keep_open(socket), token, pid: getpid().as_raw() })
    }

    /// The end of a body that could not do its task.
    fn give_up(&self, error: SetupError) -> ! {
        self.send(Report::SetupFailed(error));
        process::exit_now(1)
    }

    /// What is only a hint may be lost.
    fn try_send(&self, report: Report) {
        let _ = socket::send(self.socket, &wire::encode_report(self.token, report), &[]);
    }

    /// Without them there is no report of changes, which the runner sees.
    fn show(&self, uppers: &[UpperDir]) {
        for upper in uppers {
            let frame = wire::encode_report(self.token, Report::Upper(upper.seen.clone()));
            let _ = socket::send(self.socket, &frame, &[upper.directory.as_fd()]);
        }
    }

    /// Whether it is on its way.
    fn send(&self, report: Report) -> bool {
        let sent = socket::send(self.socket, &wire::encode_report(self.token, report), &[]);
        if let Err(errno) = sent {
            // The verdict is lost, and with it the test; say why where its output goes.
            eprintln!("{}", crate::render::report_lost(errno));
        }
        sent.is_ok()
    }
}

/// Reports how the test function ended, and ends the process as `main` would.
fn conclude(reporter: &Reporter, plan: &GuestPlan, membership: Option<&Membership>, end: panics::End) -> ! {
    let pid = getpid().as_raw();
    if pid != reporter.pid {
        // A forked child came out of the test function: it must not speak for the body.
        reporter.send(Report::Escaped { pid });
        process::exit_now(ESCAPED);
    }
    // A full or closed stdout is the test's affair; it was told when it wrote.
    drop(std::io::stdout().flush());
    let has_left = membership.map_or(Ok(()), Membership::holds).err();
    let is_told = has_left.is_none_or(|error| reporter.send(Report::SetupFailed(error)))
        && (!plan.body_is_pid1 || report_company(reporter));
    let (code, verdict) = match end {
        panics::End::Returned(code) => (code, Report::Returned(code)),
        panics::End::Panicked(panic) => (PANICKED, Report::Panicked(panic)),
    };
    if reporter.send(verdict) && is_told {
        process::exit(code);
    }
    // To the runner it is a body that has ended by itself: never in the way that the test asks for.
    process::exit_now(plan.unheard)
}

/// Exit code of a panicking Rust program, and of a forked child that escaped (EX_SOFTWARE).
const PANICKED: i32 = 101;
const ESCAPED: i32 = 70;

/// The kernel kills the rest of the namespace when its pid 1 ends: it must be seen before. Whether what had to be told
/// is on its way.
fn report_company(reporter: &Reporter) -> bool {
    // Orphans become ours: where there is no child, there is nobody.
    if !init::has_children() {
        return true;
    }
    let proc = std::path::Path::new("/proc");
    // Covered by the test, it says nothing.
    let company = if processes::shows_us(proc) { processes::descendants(proc) } else { Vec::new() };
    let is_unnamed = company.is_empty() && init::has_children();
    let staying: Vec<_> =
        company.into_iter().filter(|process| !processes::is_dying(proc, process.pid)).collect();
    let is_alone = staying.is_empty() && !is_unnamed;
    is_alone || reporter.send(Report::Leftovers(processes::named(staying)))
}
