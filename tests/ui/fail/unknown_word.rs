use harness::isolated;

#[isolated(pid, frobnicate)]
fn test() {}

fn main() {}
