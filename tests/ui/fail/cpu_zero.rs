use harness::isolated;

#[isolated(cpu = 0)]
fn test() {}

fn main() {}
