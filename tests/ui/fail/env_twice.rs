use harness::isolated;

#[isolated(env = "KEY=1", env = "KEY=2")]
fn test() {}

fn main() {}
