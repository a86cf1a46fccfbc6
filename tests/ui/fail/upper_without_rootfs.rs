use harness::isolated;

#[isolated(upper = "disk")]
fn test() {}

fn main() {}
