use harness::isolated;

#[isolated(rootfs = "fixtures/no_such_directory")]
fn test() {}

fn main() {}
