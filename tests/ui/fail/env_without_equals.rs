use harness::isolated;

#[isolated(env = "KEY")]
fn test() {}

fn main() {}
