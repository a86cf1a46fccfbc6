use harness::isolated;

#[isolated(rlimit(core = -1))]
fn test() {}

fn main() {}
