//! Where leaves are made (harness/src/cgroup/ladder.rs): runners in cgroups of every shape, on cgroup v2.
//!
//! The tests here need a v2 tree with memory that they may write to, as root: others skip them.

#![cfg(test)]

mod branch;
mod command;
mod rungs;
mod systemd;
