//! Run a test isolated and measured, with one line above it.
//!
//! ```
//! use harness::isolated;
//!
//! #[isolated(pid, uts, mem = "100M")]
//! fn fits_in_100_mib() {
//!     assert_eq!(std::process::id(), 2); // pid 1 is a small init
//!     let parsed: Vec<u64> = (0..1_000_000).collect();
//!     assert_eq!(parsed.len(), 1_000_000);
//! }
//! # // In a doctest the attribute's `#[test]` is not collected: call it as libtest would.
//! # fn main() { assert_eq!(2 + 2, 4) }
//! ```
//!
//! The test runs in a forked child with fresh namespaces, a root filesystem of its own if it asks for
//! one, and cgroup limits. It passes only if the body returned success *and* nothing else went wrong: no
//! signal, no early exit, no OOM kill anywhere in the guest, no deadline, no process left behind. What
//! happened otherwise, and what the run used, is in the failure text and in `HARNESS_REPORT`. The
//! attribute's arguments are described at [`isolated`]. [`Sandbox`] does the same for whole programs, as
//! `std::process::Command` runs them.
//!
//! # Theory of operation
//!
//! ```text
//! cargo test / nextest
//!  └─ test binary = the RUNNER     one thread for each test: cgroup leaf, request, watch, verdict, clean-up
//!     ├─ ZYGOTE                    copied before main, single-threaded, idle; makes guests
//!     └─ GUEST = the init          cloned by the zygote, but the runner's child (CLONE_PARENT)
//!        └─ body                   the test function, through its fn pointer: same image, same address;
//!                                  or, of a `Sandbox`, a program, by exec
//! ```
//!
//! Data flows one way: the attribute, or a `Sandbox` (sandbox.rs), writes a [`Spec`](__private::Spec) (spec.rs:
//! what was asked); plan.rs resolves it against host.rs (what this machine offers) to a plan or an
//! `Unsupported`; runner.rs and its folder carry the plan out with zygote.rs, init.rs and guest.rs, over
//! wire.rs; what was *seen* is evidence.rs; outcome.rs concludes from it, by pure functions; render.rs holds
//! every line that a user reads, report.rs the JSON. Unsafe code is in sys/ only.
//!
//! Where is ...
//! * pid 1 made? zygote.rs clones it, init.rs is it.
//! * a program executed? guest.rs, after the last step of the body; guest/exec.rs finds it.
//! * an OOM kill noticed? cgroup/oom.rs, at the end of the run, from the leaf's counters.
//! * a new option added? spec.rs, the macro's args, sandbox.rs, plan.rs, and the file that carries it out.
//! * the text of a failure? render.rs and its folder.
//! * a machine that lacks something judged? policy.rs (fail or skip), capability/ (what there is, each tried),
//!   cli/doctor.rs (the same for a person).
//! * a machine without user namespaces handled? plan.rs decides whether one is needed; the refusal of the
//!   kernel is a `SetupError` of zygote.rs, and its remedy stands in render/remedy.rs.
//!
//! # Machines that lack something
//!
//! A test that this machine cannot run fails, with what is missing and the way to get it. In the environment of
//! the tests:
//!
//! * `HARNESS_UNSUPPORTED=skip` skips such a test instead, and so does `unsupported = skip` in the attribute
//!   (its `fail` keeps a test from being skipped). A skip has a line on the real stderr and in the report, and
//!   the process ends with the number of them.
//! * `HARNESS_REQUIRE=userns,memory` says what the machine must offer: if a part of it is missing, *every*
//!   isolated test fails, and nothing is skipped for it. `HARNESS_REQUIRE=all` makes every skip a failure.
//!
//! A value that is not understood fails every isolated test; an empty one is none. The names are those of
//! `harness doctor` (feature `cli`), which tries each capability of the machine and shows what is there, what needs
//! it, and how to get what is missing; `--json` for programs, `--require LIST` for an exit code.
//!
//! # Images
//!
//! With the feature `images` a root filesystem may be an archive or an image (`registry`: one of a registry, too).
//! What is unpacked lies in a cache. In the environment of the tests:
//!
//! * `HARNESS_OFFLINE=1` fetches nothing: an image of a registry is what it was when it was last fetched, by a test or
//!   by `harness pull`. Without it a tag is asked for each time, and a registry that is away is a failure.
//! * `HARNESS_REGISTRY=HOST[:PORT]` with `HARNESS_REGISTRY_USER` and `HARNESS_REGISTRY_PASSWORD` is who we are to that
//!   registry, and to no other. Else it is what `docker login` has written to `config.json`, below `DOCKER_CONFIG` or
//!   `~/.docker`, or given to a program to keep (`credHelpers`, `credsStore`).
//! * `SSL_CERT_FILE` names certificates to trust. Plain HTTP is spoken to this machine (loopback) only.
//!
//! # What it is not
//!
//! No security boundary against hostile code: a guest shares the kernel and, unless asked otherwise, the
//! user. No replacement for a VM. Linux only: elsewhere the tests compile and are ignored with a reason.

#[cfg(target_os = "linux")]
mod cache;
#[cfg(target_os = "linux")]
mod capability;
#[cfg(target_os = "linux")]
mod cgroup;
/// The command `harness`. No stable interface.
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[cfg(target_os = "linux")]
mod error;
#[cfg(target_os = "linux")]
pub mod evidence;
#[cfg(target_os = "linux")]
mod guest;
#[cfg(target_os = "linux")]
mod host;
/// What tests and the fuzzer call. No stable interface.
#[cfg(all(target_os = "linux", feature = "images"))]
#[doc(hidden)]
pub use image::hook as __images;
#[cfg(all(target_os = "linux", feature = "images"))]
mod image;
#[cfg(target_os = "linux")]
mod init;
#[cfg(target_os = "linux")]
mod maker;
#[cfg(target_os = "linux")]
mod mountinfo;
#[cfg(target_os = "linux")]
mod outcome;
#[cfg(target_os = "linux")]
mod panics;
#[cfg(target_os = "linux")]
mod plan;
#[cfg(target_os = "linux")]
mod policy;
#[cfg(target_os = "linux")]
mod processes;
#[cfg(target_os = "linux")]
mod render;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod rootfs;
#[cfg(target_os = "linux")]
mod runner;
#[cfg(target_os = "linux")]
mod sandbox;
mod spec;
#[cfg(target_os = "linux")]
mod sys;
mod termination;
#[cfg(target_os = "linux")]
mod wire;
#[cfg(target_os = "linux")]
mod zygote;

pub use isolated_harness_macros::isolated;

#[cfg(target_os = "linux")]
pub use crate::{
    error::{SetupError, Unsupported},
    evidence::Usage,
    outcome::Outcome,
    rootfs::changes::{Change, ChangeKind},
    sandbox::{Error, Invalid, Run, Sandbox},
    spec::{IdMapping, Leaks, Resource, Size, Upper},
};

/// What the attribute's expansion calls. No stable interface.
#[doc(hidden)]
pub mod __private {
    #[cfg(target_os = "linux")]
    pub use crate::runner::run;
    pub use crate::spec::{
        Bind, Expect, IdMapping, InlineFile, Leaks, Limits, Namespaces, Resource, Rlimit, Rootfs, Size, Spec,
        Tmpfs, UnsupportedPolicy, Upper,
    };
    pub use crate::termination::report;

    /// The attribute marks the test as ignored here; whoever runs it all the same learns why.
    #[cfg(not(target_os = "linux"))]
    pub fn run(spec: &Spec<'static>, _body: fn() -> i32) {
        panic!("{}: isolated tests need Linux", spec.name);
    }
}
