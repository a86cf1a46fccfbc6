use harness::isolated;

#[isolated(mem = -5)]
fn test() {}

fn main() {}
