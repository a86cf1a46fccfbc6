use harness::isolated;

#[isolated(mem = "100 M")]
fn test() {}

fn main() {}
