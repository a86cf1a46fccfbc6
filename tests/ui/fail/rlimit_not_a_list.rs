use harness::isolated;

#[isolated(rlimit = 64)]
fn test() {}

fn main() {}
