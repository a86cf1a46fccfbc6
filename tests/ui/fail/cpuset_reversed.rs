use harness::isolated;

#[isolated(cpuset = "3-0")]
fn test() {}

fn main() {}
