use harness::isolated;

#[isolated(cpuset = 0)]
fn test() {}

fn main() {}
