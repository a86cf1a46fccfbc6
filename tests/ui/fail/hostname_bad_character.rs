use harness::isolated;

#[isolated(hostname = "my_box")]
fn test() {}

fn main() {}
