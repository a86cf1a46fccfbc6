use harness::isolated;

#[isolated(mem = "-5M")]
fn test() {}

fn main() {}
