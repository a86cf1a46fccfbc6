use harness::isolated;

#[isolated(rlimit(nofile))]
fn test() {}

fn main() {}
