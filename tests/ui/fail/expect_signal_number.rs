use harness::isolated;

#[isolated(expect = signal(11))]
fn test() {}

fn main() {}
