use harness::isolated;

#[isolated(mem = 0)]
fn test() {}

fn main() {}
