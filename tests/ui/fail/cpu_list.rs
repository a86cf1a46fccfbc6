use harness::isolated;

#[isolated(cpu = "0-3")]
fn test() {}

fn main() {}
