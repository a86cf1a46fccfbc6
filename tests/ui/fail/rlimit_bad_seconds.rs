use harness::isolated;

#[isolated(rlimit(cpu = "1.5s"))]
fn test() {}

fn main() {}
