use harness::isolated;

#[isolated(bind = "data:/data:rw")]
fn test() {}

fn main() {}
