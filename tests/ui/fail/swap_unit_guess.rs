use harness::isolated;

#[isolated(mem = "1g", swap = "10k")]
fn test() {}

fn main() {}
