//! The parent's side of one run: Spec → Plan → guest → Evidence → Outcome, and what libtest gets of it.
//!
//! Runs on the test's own thread, so that output printed here is captured as that test's. The thread
//! makes the cgroup leaf, asks the zygote for the guest, watches (watch.rs) until the guest's init has
//! ended, gathers, concludes, cleans up. Every resource is held by a value that frees it when dropped:
//! a panic in here leaves nothing behind either.

mod clock;
mod collect;
mod launch;
mod pipe;
mod relay;
mod settle;
mod site;
mod watch;

use std::path::PathBuf;
use std::time::Instant;

use self::launch::Launched;
use self::site::Site;
use crate::cgroup::Leaf;
use crate::error::{SetupError, Step, Unsupported};
use crate::evidence::{Deadline, Evidence, Measured, Rusage, WaitStatus};
use crate::host::{self, Host};
use crate::outcome::{self, Outcome};
use crate::plan::{self, Caller, Plan};
use crate::policy;
use crate::spec::Spec;
use crate::sys::body::Body;

/// What became of one run.
#[derive(Debug)]
pub(crate) enum End {
    /// The guest ran.
    Ran(Outcome),
    /// A step before the body failed.
    NotRun(SetupError),
    /// This machine lacks something; nothing was started.
    Unsupported(Unsupported),
}

/// Runs a test function in a guest and settles with libtest: returns, or panics with the reason.
#[track_caller]
pub fn run(spec: &Spec<'static>, body: fn() -> i32) {
    let panic = if spec.should_panic { guarded(|| judge(spec, body)).flatten() } else { judge(spec, body) };
    if let Some(payload) = panic {
        std::panic::resume_unwind(payload);
    }
}

/// The panic of the guest, if that is how it ended; any other failure panics here, with the reason.
#[track_caller]
fn judge(spec: &Spec<'static>, body: fn() -> i32) -> Option<Panic> {
    if let Some(objection) = policy::objection() {
        settle::refuse(spec, objection);
        return None;
    }
    let mut evidence = Evidence::default();
    let end = attempt(spec, Some(body), &mut evidence);
    settle::settle(spec, &end, &evidence)
}

/// What a panic carries.
type Panic = Box<dyn std::any::Any + Send>;

/// Under `#[should_panic]` a panic of ours, as of `eprintln!` on a full disk, would be taken for that of the test: its
/// hook has told it, and the test returns, which libtest counts as a failure.
fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).ok()
}

/// One guest, from the Spec to how it ended. Without a body it runs the Spec's program.
pub(crate) fn attempt(spec: &Spec<'_>, body: Option<Body>, evidence: &mut Evidence) -> End {
    let started = Instant::now();
    let end = try_to_run(spec, body, evidence);
    if evidence.usage.wall.is_zero() {
        // It did not get to a guest.
        evidence.usage.wall = started.elapsed();
    }
    end
}

fn try_to_run(spec: &Spec<'_>, body: Option<Body>, evidence: &mut Evidence) -> End {
    let host = match host::get(plan::leaf_limits(spec).as_ref()) {
        Ok(host) => host,
        Err(unsupported) => return End::Unsupported(unsupported),
    };
    let mut site = match Site::prepare(spec) {
        Ok(site) => site,
        Err(error) => return End::NotRun(error),
    };
    evidence.unswept = site.unswept();
    let plan = match plan::resolve(spec, host, &caller(&site), site.image()) {
        Ok(plan) => plan,
        Err(unsupported) => return End::Unsupported(unsupported),
    };
    if spec.program.is_some() && plan.guest.program.is_none() {
        let none = "none is given, and no image names one";
        return End::NotRun(SetupError::new(Step::FindProgram, none, nix::errno::Errno::ENOENT));
    }
    if let Err(unsupported) = carry_out(&plan, host, body, evidence) {
        return End::Unsupported(unsupported);
    }
    evidence.cleanup.extend(site.clear().err());
    match outcome::conclude(spec, evidence) {
        Ok(outcome) => End::Ran(outcome),
        Err(error) if policy::would_skip(spec) && error.is_refusal() => End::Unsupported((&error).into()),
        Err(error) => End::NotRun(error),
    }
}

/// The runner as it is now: tests may have changed directory and environment since the zygote was made.
fn caller(site: &Site) -> Caller {
    Caller {
        ground: site.ground(),
        // A directory that was removed cannot be entered by the guest either.
        directory: std::env::current_dir().unwrap_or_else(|_| "/".into()),
        environment: std::env::vars_os().collect(),
        executable: std::env::current_exe().ok(),
    }
}

/// Guest, leaf, evidence, clean-up: whatever fails becomes evidence.
///
/// The leaf is made while the zygote clones the guest and the guest sets itself up; the body is not
/// forked before it is there.
fn carry_out(
    plan: &Plan,
    host: &Host,
    body: Option<Body>,
    evidence: &mut Evidence,
) -> Result<(), Unsupported> {
    let started = Instant::now();
    let launched = launch::launch(plan, body)?;
    let both = launched.and_then(|launched| Ok((launched, make_leaf(plan, host)?)));
    match both {
        Ok((launched, leaf)) => attend(launched, leaf, plan, started, evidence),
        Err(error) => evidence.setup = Some(error),
    }
    Ok(())
}

fn attend(
    launched: Launched,
    mut leaf: Option<Leaf>,
    plan: &Plan,
    started: Instant,
    evidence: &mut Evidence,
) {
    if let Err(error) = launched.guest.enter(leaf.as_ref()) {
        // It would wait for ever.
        evidence.setup = Some(error);
        launched.guest.stop();
    }
    watch::watch(launched, plan, leaf.as_mut(), started, evidence);
    evidence.usage.wall = started.elapsed();
    if let Some(leaf) = leaf {
        close_leaf(leaf, plan, evidence);
    }
}

/// A limit that cannot be looked at is none.
fn no_cpu_time() -> SetupError {
    SetupError::new(Step::ReadLeaf, "its CPU time", nix::errno::Errno::EIO)
}

fn make_leaf(plan: &Plan, host: &Host) -> Result<Option<Leaf>, SetupError> {
    let Some(limits) = &plan.leaf else { return Ok(None) };
    // The plan would have no leaf without a layout (plan.rs).
    let layout = host.cgroups.as_ref().map_err(|_| {
        SetupError::new(Step::FindCgroup, crate::error::Object::None, nix::errno::Errno::ENOENT)
    })?;
    Leaf::make(layout, limits).map(Some)
}

/// Evidence is read before removal: counters vanish with the directory.
fn close_leaf(mut leaf: Leaf, plan: &Plan, evidence: &mut Evidence) {
    evidence.cgroups = leaf.paths();
    evidence.rungs = leaf.rungs();
    evidence.unswept.extend(leaf.sweep_failures());
    match leaf.oom(&mut evidence.usage) {
        Ok(oom) => evidence.oom = oom,
        // Without the OOM counter there is no verdict.
        Err(error) => {
            evidence.setup.get_or_insert(error);
        }
    }
    if let Some(limit) = plan.cpu_time.filter(|_| evidence.deadline.is_none()) {
        match leaf.cpu_time() {
            // Between the last look and its end.
            Some(used) if used >= limit => evidence.deadline = Some(Deadline::Cpu(limit)),
            Some(_) => {}
            None => {
                evidence.setup.get_or_insert(no_cpu_time());
            }
        }
    }
    // One that did not get so far had not entered it. What became of the leaf explains that somebody is not in it.
    let left = evidence.left_leaf.take().filter(|_| evidence.started);
    for error in [leaf.limits_held().err(), left].into_iter().flatten() {
        evidence.setup.get_or_insert(error);
    }
    if evidence.body.is_none() {
        // The init was lost: nobody else has told what still runs.
        evidence.leftovers.extend(leaf.inhabitants());
    }
    // A program's go to the caller.
    if plan.guest.program.is_some() || somebody_reads_figures(evidence) {
        leaf.figures(&mut evidence.usage);
    }
    if let Err(error) = leaf.remove() {
        evidence.cleanup.push(error);
    }
}

/// Not those of a test that just passes and whose output is captured.
fn somebody_reads_figures(evidence: &Evidence) -> bool {
    let went_well = evidence.returned == Some(0) && evidence.body == Some(WaitStatus::Exited(0));
    let is_clean = went_well && evidence.oom.is_none() && evidence.leftovers.is_empty();
    !is_clean || !output_is_captured() || report_path().is_some()
}

/// The body's own figures; a leaf adds the rest.
fn take_rusage(rusage: &Rusage, evidence: &mut Evidence) {
    const SOURCE: &str = "rusage";
    const BLOCK: u64 = 512;
    let usage = &mut evidence.usage;
    usage.cpu_user = Some(Measured::new(rusage.user, SOURCE));
    usage.cpu_system = Some(Measured::new(rusage.system, SOURCE));
    usage.maxrss = Some(Measured::new(rusage.maxrss, SOURCE));
    usage.minor_faults = Some(Measured::new(rusage.minor_faults, SOURCE));
    usage.major_faults = Some(Measured::new(rusage.major_faults, SOURCE));
    usage.voluntary_switches = Some(Measured::new(rusage.voluntary_switches, SOURCE));
    usage.involuntary_switches = Some(Measured::new(rusage.involuntary_switches, SOURCE));
    usage.io_read = Some(Measured::new(rusage.blocks_in * BLOCK, SOURCE));
    usage.io_written = Some(Measured::new(rusage.blocks_out * BLOCK, SOURCE));
}

/// Whether libtest captures what a test prints. nextest and `--nocapture` do not: then nothing that is
/// printed stays in this process.
fn output_is_captured() -> bool {
    let asked = std::env::args_os().any(|argument| {
        argument == "--nocapture" || argument == "--no-capture" || argument == "--show-output-live"
    });
    let environment = std::env::var_os("RUST_TEST_NOCAPTURE").is_some_and(|value| value != "0");
    !asked && !environment
}

/// `HARNESS_REPORT`: where a JSON line of each run is appended.
fn report_path() -> Option<PathBuf> {
    std::env::var_os("HARNESS_REPORT").filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// A number that a test cannot guess: the kernel's random bytes.
fn token() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    // Each RandomState has fresh keys, seeded by getrandom(2) in this process.
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}
