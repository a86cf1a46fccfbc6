//! The composition matrix: `#[isolated]` with every other test attribute, in every order that a person might
//! write.
//!
//! Each body says where it ran (`ran!`): that asserts that it is in a guest, and leaves a line when
//! `everything_ran` looks at the whole binary from outside. A test that is registered twice, does not run,
//! or runs in the runner is seen there.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod everything_ran;
mod here;

mod asynchronous;
mod conditional;
mod in_macros;
mod logs;
mod parametrised;
mod plain;
mod properties;
mod rstests;
mod serial;
mod snapshots;
