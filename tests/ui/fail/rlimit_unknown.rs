use harness::isolated;

#[isolated(rlimit(nofiles = 64))]
fn test() {}

fn main() {}
