use harness::isolated;

#[isolated(rootfs = "/srv/root", upper = "copy", changes)]
fn test() {}

fn main() {}
