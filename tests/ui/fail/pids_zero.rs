use harness::isolated;

#[isolated(pids = 0)]
fn test() {}

fn main() {}
