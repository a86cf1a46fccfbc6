use harness::isolated;

#[isolated(expect = exit(256))]
fn test() {}

fn main() {}
