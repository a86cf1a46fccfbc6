use harness::isolated;

#[isolated(memory = "100M")]
fn test() {}

fn main() {}
