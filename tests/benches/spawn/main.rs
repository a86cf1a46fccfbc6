//! `cargo bench`: what one isolated test costs, side by side with the floor and the alternatives.

mod bare;
#[path = "../turns/calls.rs"]
mod calls;
#[path = "../turns/mod.rs"]
mod turns;

use std::path::Path;

use turns::{Row, build_speed_binary, command, race, served, words, works};

const ROUNDS: usize = 400;

fn main() {
    race(rows(&build_speed_binary()), ROUNDS);
}

fn rows(binary: &Path) -> Vec<Row> {
    let served = |test| served(binary, test, None);
    let again = ["--exact", "plain"].map(str::to_owned);
    let again = [&[binary.display().to_string()], &again[..]].concat();
    let mut rows = vec![
        Row::new("`#[isolated(pid, uts, mem = \"100M\")]`", served("serve")),
        Row::new("the same, the runner holding 1 GiB", served("serve_with_a_gibibyte")),
        Row::new("`#[isolated(pid, uts)]`", served("serve_without_a_leaf")),
        Row::new("bare system calls: the same clone3, pipes, leaf and wait", Box::new(bare::run)),
        Row::new("the test binary started again (no isolation)", command(again)),
    ];
    if works("bwrap --version") {
        let bwrap = "bwrap --unshare-pid --unshare-uts --ro-bind / / --proc /proc true";
        rows.push(Row::new("`bwrap --unshare-pid --unshare-uts ... true`", command(words(bwrap))));
    }
    rows
}
