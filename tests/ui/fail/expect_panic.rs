use harness::isolated;

#[isolated(expect = panic)]
fn test() {}

fn main() {}
