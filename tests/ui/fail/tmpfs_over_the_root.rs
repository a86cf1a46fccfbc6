use harness::isolated;

#[isolated(tmpfs = "//./:1M")]
fn test() {}

fn main() {}
