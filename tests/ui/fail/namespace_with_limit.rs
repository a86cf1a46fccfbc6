use harness::isolated;

#[isolated(pid = 20)]
fn test() {}

fn main() {}
