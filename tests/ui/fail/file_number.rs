use harness::isolated;

#[isolated(file("/etc/hosts" = 7))]
fn test() {}

fn main() {}
