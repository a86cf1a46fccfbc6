use harness::isolated;

#[isolated(bind = "/data")]
fn test() {}

fn main() {}
