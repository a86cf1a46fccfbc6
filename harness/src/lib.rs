//! Skeleton.
mod cgroup;
mod error;
mod evidence;
mod guest;
mod host;
mod init;
mod outcome;
mod panics;
mod plan;
mod processes;
mod render;
mod report;
mod rootfs;
mod runner;
mod spec;
mod sys;
mod wire;
mod zygote;

pub use isolated_harness_macros::isolated;

#[doc(hidden)]
pub mod __private {
    pub use crate::runner::run;
    pub use crate::spec::{
        Bind, Expect, Leaks, Limits, Namespaces, Resource, Rlimit, Rootfs, Size, Spec, Tmpfs,
        UnsupportedPolicy,
    };

    /// The code of `main` semantics.
    pub fn report<T: std::process::Termination>(value: T) -> i32 {
        i32::from(value.report() != std::process::ExitCode::SUCCESS)
    }
}
