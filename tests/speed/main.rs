//! What `cargo bench` times: an empty isolated test, in a libtest binary as users have it.
//!
//! `serve` runs it once for each line of stdin and answers with the nanoseconds it took, past libtest's
//! capture, so that benches/spawn.rs can take turns between this and its competitors.

#![cfg(test)]

use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use harness::__private::{Namespaces, Spec, run};
use harness::isolated;
use harness_tests::root;

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

/// The directory that the benchmark chose.
fn in_its_root() -> &'static Spec<'static> {
    let root = PathBuf::from(std::env::var_os("ROOT").expect("the benchmark sets it"));
    Box::leak(Box::new(root::spec_at("speed::in_a_root", &root)))
}

#[test]
fn serve_in_a_root() {
    let spec = in_its_root();
    serve_calls_of(|| run(spec, || 0));
}

#[test]
fn serve_a_program_in_a_root() {
    let spec = in_its_root();
    serve_calls_of(|| {
        run(spec, || Command::new("/bin/true").status().map_or(1, |status| status.code().unwrap_or(1)))
    });
}

#[test]
fn serve_without_a_root() {
    const SPEC: Spec<'static> = Spec::new("speed::without_a_root", "/")
        .unshare(Namespaces::PID.with(Namespaces::UTS).with(Namespaces::IPC));
    serve_calls_of(|| run(&SPEC, || 0));
}

fn serve_calls_of(test: impl Fn()) {
    for line in io::stdin().lock().lines() {
        assert_eq!(line.unwrap(), "go");
        let start = Instant::now();
        test();
        let nanoseconds = start.elapsed().as_nanos();
        io::stdout().write_all(format!("took {nanoseconds}\n").as_bytes()).unwrap();
    }
}
