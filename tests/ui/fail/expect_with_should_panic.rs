use harness::isolated;

#[isolated(expect = exit(3))]
#[should_panic]
fn test() {}

fn main() {}
