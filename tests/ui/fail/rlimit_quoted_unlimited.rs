use harness::isolated;

#[isolated(rlimit(stack = "unlimited"))]
fn test() {}

fn main() {}
