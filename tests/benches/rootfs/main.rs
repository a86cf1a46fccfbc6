//! `cargo bench --bench rootfs`: what a root of its own costs, whatever its size, side by side with what else gives
//! one: bwrap, crun and runc, each with the same BusyBox.

mod bare;
mod bundle;
#[path = "../turns/calls.rs"]
mod calls;
mod sized;
#[path = "../turns/mod.rs"]
mod turns;

use std::path::Path;

use harness_tests::fixture;
use tempfile::TempDir;
use turns::{Row, build_speed_binary, command, race, served, words, works};

const ROUNDS: usize = 200;

/// Directories by the side of the fixtures, on the same file system; gone at the end.
fn main() {
    let busybox = fixture("busybox");
    let scratch = TempDir::new_in(harness_tests::fixture::DIRECTORY).expect("a directory");
    let mut rows = ours(&build_speed_binary(), &busybox, scratch.path());
    rows.extend(bwrap(&busybox));
    for runtime in ["crun", "runc"] {
        rows.extend(bundle::row(runtime, &busybox, scratch.path()));
    }
    race(rows, ROUNDS);
}

/// The first one is what all are compared with.
fn ours(binary: &Path, busybox: &Path, scratch: &Path) -> Vec<Row> {
    let served = |test, root| served(binary, test, Some(root));
    let sized = [10, 100, 1000].map(|megabytes| (megabytes, sized::make(scratch, megabytes)));
    let mut rows = vec![Row::new(
        "`#[isolated(pid, uts, ipc, rootfs = \"busybox\")]`",
        served("serve_in_a_root", busybox),
    )];
    for (megabytes, root) in &sized {
        rows.push(Row::new(&format!("a directory of {megabytes} MB"), served("serve_in_a_root", root)));
    }
    let layers = fixture("many-layers.oci");
    rows.push(Row::new("an image of 64 layers", served("serve_in_a_root", &layers)));
    rows.push(Row::new(
        "the body starts `/bin/true` of busybox",
        served("serve_a_program_in_a_root", busybox),
    ));
    rows.push(Row::new(
        "without `rootfs`: `#[isolated(pid, uts, ipc)]`",
        served("serve_without_a_root", busybox),
    ));
    let lower = busybox.to_owned();
    rows.push(Row::new(
        "bare system calls: the same clone3, overlay, pivot_root, /proc and wait",
        Box::new(move || bare::run(&lower)),
    ));
    rows
}

/// A fresh overlay where this version of it can make one, else the directory itself, read-only.
fn bwrap(busybox: &Path) -> Option<Row> {
    let root = busybox.display();
    let common = "--unshare-pid --unshare-uts --unshare-ipc";
    let overlay = format!("bwrap {common} --overlay-src {root} --tmp-overlay / --proc /proc --dev /dev true");
    let bound = format!("bwrap {common} --ro-bind {root} / --proc /proc --dev /dev true");
    [("--overlay-src", overlay), ("--ro-bind", bound)].into_iter().find(|(_, line)| works(line)).map(
        |(how, line)| {
            Row::new(
                &format!("`bwrap {common} {how} busybox / --proc /proc --dev /dev true`"),
                command(words(&line)),
            )
        },
    )
}
