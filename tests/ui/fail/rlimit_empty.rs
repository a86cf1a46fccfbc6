use harness::isolated;

#[isolated(rlimit())]
fn test() {}

fn main() {}
