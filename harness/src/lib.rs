//! Skeleton.
#![cfg_attr(not(test), expect(dead_code, reason = "skeleton"))]
mod cgroup;
mod error;
mod evidence;
mod outcome;
mod render;
mod report;
mod spec;

pub use isolated_harness_macros::isolated;

#[doc(hidden)]
pub mod __private {
    pub use crate::spec::{
        Bind, Expect, Leaks, Limits, Namespaces, Resource, Rlimit, Rootfs, Size, Spec, Tmpfs,
        UnsupportedPolicy,
    };

    /// Skeleton: runs the body in place.
    #[track_caller]
    pub fn run(_spec: &Spec<'static>, body: fn() -> i32) {
        assert_eq!(body(), 0);
    }

    /// The code of `main` semantics.
    pub fn report<T: std::process::Termination>(value: T) -> i32 {
        i32::from(value.report() != std::process::ExitCode::SUCCESS)
    }
}
