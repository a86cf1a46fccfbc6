use harness::isolated;

#[isolated(bind = "a:/data", bind = "b:/data")]
fn test() {}

fn main() {}
