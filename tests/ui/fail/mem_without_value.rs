use harness::isolated;

#[isolated(pid, mem)]
fn test() {}

fn main() {}
