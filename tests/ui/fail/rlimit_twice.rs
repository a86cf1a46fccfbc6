use harness::isolated;

#[isolated(rlimit(nofile = 64, nofile = 65))]
fn test() {}

fn main() {}
