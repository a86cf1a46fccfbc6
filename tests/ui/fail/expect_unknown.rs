use harness::isolated;

#[isolated(expect = ooom)]
fn test() {}

fn main() {}
