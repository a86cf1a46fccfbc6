use harness::isolated;

#[isolated(bind = "src:/:ro")]
fn test() {}

fn main() {}
