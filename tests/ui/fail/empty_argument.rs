use harness::isolated;

#[isolated(pid,, uts)]
fn test() {}

fn main() {}
