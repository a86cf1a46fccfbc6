use harness::isolated;

#[isolated(pids = 2.5)]
fn test() {}

fn main() {}
