use harness::isolated;

#[isolated(timeout = "5m")]
fn test() {}

fn main() {}
