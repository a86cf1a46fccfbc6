use harness::isolated;

#[isolated(pid)]
async fn test() {}

fn main() {}
