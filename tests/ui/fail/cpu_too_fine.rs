use harness::isolated;

#[isolated(cpu = 0.0005)]
fn test() {}

fn main() {}
