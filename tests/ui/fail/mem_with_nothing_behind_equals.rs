use harness::isolated;

#[isolated(mem =)]
fn test() {}

fn main() {}
