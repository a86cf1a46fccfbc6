use harness::isolated;

#[isolated(bind = "data:data")]
fn test() {}

fn main() {}
