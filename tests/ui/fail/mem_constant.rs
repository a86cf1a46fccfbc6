use harness::isolated;

const LIMIT: &str = "100M";

#[isolated(mem = LIMIT)]
fn test() {}

fn main() {}
