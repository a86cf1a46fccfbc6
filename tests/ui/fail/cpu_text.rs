use harness::isolated;

#[isolated(cpu = "0.5")]
fn test() {}

fn main() {}
