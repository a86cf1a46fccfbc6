//! Tests for other tests to look at: many must fail, and some only mean something under conditions that
//! the test outside makes. `cargo test` does not run them (`test = false`); `harness_tests::twin` does.

#![cfg(test)]

mod attribution;
mod changes;
mod endings;
mod everywhere;
mod files;
mod foreign;
mod images;
mod killed;
mod ladder;
mod leaves;
mod limits;
mod mapping;
mod namespaces;
mod needs;
mod output;
mod present;
mod unpacking;
mod upper;
mod without;
