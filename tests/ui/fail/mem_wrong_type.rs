use harness::isolated;

#[isolated(mem = true)]
fn test() {}

fn main() {}
