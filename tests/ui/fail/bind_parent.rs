use harness::isolated;

#[isolated(bind = "data:/srv/../data")]
fn test() {}

fn main() {}
