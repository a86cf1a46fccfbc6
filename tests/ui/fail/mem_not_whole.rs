use harness::isolated;

#[isolated(mem = "1.5")]
fn test() {}

fn main() {}
