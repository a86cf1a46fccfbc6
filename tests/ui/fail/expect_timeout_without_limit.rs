use harness::isolated;

#[isolated(mem = "100M", expect = timeout)]
fn test() {}

fn main() {}
