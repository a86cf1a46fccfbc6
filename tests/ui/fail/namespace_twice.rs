use harness::isolated;

#[isolated(pid, uts, pid)]
fn test() {}

fn main() {}
