use harness::isolated;

#[isolated(time = "5s")]
fn test() {}

fn main() {}
