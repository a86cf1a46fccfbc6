//! What `cargo bench` times: an empty isolated test, in a libtest binary as users have it.
//!
//! `serve` runs it once for each line of stdin and answers with the nanoseconds it took, past libtest's
//! capture, so that benches/spawn.rs can take turns between this and its competitors.

#![cfg(test)]

use std::io::{self, BufRead, Write};
use std::time::Instant;

use harness::isolated;

#[isolated(pid, uts, mem = "100M")]
fn empty() {}

#[isolated(pid, uts)]
fn without_a_leaf() {}

/// The same binary started again for one test: what harnesses do that re-execute themselves.
#[test]
fn plain() {}

#[test]
fn serve() {
    serve_calls_of(empty);
}

#[test]
fn serve_without_a_leaf() {
    serve_calls_of(without_a_leaf);
}

#[test]
fn serve_with_a_gibibyte() {
    let heap = vec![1_u8; 1 << 30];
    serve_calls_of(empty);
    std::hint::black_box(heap);
}

fn serve_calls_of(test: fn()) {
    for line in io::stdin().lock().lines() {
        assert_eq!(line.unwrap(), "go");
        let start = Instant::now();
        test();
        let nanoseconds = start.elapsed().as_nanos();
        io::stdout().write_all(format!("took {nanoseconds}\n").as_bytes()).unwrap();
    }
}
