use harness::isolated;

#[isolated(mem("100M"))]
fn test() {}

fn main() {}
