use harness::isolated;

#[isolated(tmpfs = "/data", tmpfs = "/./data/:1M")]
fn test() {}

fn main() {}
