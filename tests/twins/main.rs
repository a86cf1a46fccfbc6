//! Tests for other tests to look at: many must fail, and some only mean something under conditions that
//! the test outside makes. `cargo test` does not run them (`test = false`); `harness_tests::twin` does.

#![cfg(test)]

mod endings;
mod files;
mod killed;
mod limits;
mod namespaces;
mod needs;
mod output;
mod present;
mod without;
