//! The same tests on machines and in containers that lack something, simulated on this machine.
//!
//! Each environment is a set of namespaces with mounts made in them, a seccomp filter, a user, or all of
//! that. In each, `everywhere` runs twice: under `HARNESS_UNSUPPORTED=skip` a test passes or says on one
//! line what it needs, what was found and how to get it, which is pinned here; under `fail` the same tests
//! pass and the others fail with the same words. What must fail passes nowhere. What `harness doctor` says there
//! is what they met.

#![cfg(test)]

mod born;
mod places;
mod run;
mod simulated;
