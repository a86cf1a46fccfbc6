use harness::isolated;

#[isolated(mem = "100mb")]
fn test() {}

fn main() {}
