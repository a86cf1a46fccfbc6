use harness::isolated;

#[isolated(hostname = "-box")]
fn test() {}

fn main() {}
