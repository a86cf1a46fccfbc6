use harness::isolated;

#[isolated(leaks = "warn")]
fn test() {}

fn main() {}
