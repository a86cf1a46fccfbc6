use harness::isolated;

#[isolated(expect = exit)]
fn test() {}

fn main() {}
