use harness::isolated;

#[isolated(tmpfs = "/tmp:16X")]
fn test() {}

fn main() {}
