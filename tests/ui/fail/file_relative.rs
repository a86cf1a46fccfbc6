use harness::isolated;

#[isolated(file("etc/hosts" = "", "/x/../y" = "", "/z/" = ""))]
fn test() {}

fn main() {}
