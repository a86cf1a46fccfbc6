use harness::isolated;

#[isolated(mem = "100parsec")]
fn test() {}

fn main() {}
