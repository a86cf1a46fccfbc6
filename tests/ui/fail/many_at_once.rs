use harness::isolated;

#[isolated(pidd, mem = "100mb", pids = 0, bind = "data", rlimit(nofiles = 1, core = -1), swap)]
async fn test(x: u32) {}

#[isolated(hostname = "")]
fn other() {}

fn main() {}
