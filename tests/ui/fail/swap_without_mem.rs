use harness::isolated;

#[isolated(swap = "10M")]
fn test() {}

fn main() {}
