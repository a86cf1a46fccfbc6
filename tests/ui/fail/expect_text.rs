use harness::isolated;

#[isolated(expect = "oom")]
fn test() {}

fn main() {}
