use harness::isolated;

#[isolated(rootfs = "Cargo.toml")]
fn test() {}

fn main() {}
