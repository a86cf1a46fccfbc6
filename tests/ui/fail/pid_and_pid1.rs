use harness::isolated;

#[isolated(pid, pid1)]
fn test() {}

fn main() {}
