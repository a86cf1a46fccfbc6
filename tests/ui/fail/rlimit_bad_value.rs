use harness::isolated;

#[isolated(rlimit(nofile = "64"))]
fn test() {}

fn main() {}
