use harness::isolated;

#[isolated(map = "0:1000:1")]
fn a_map_is_a_word() {}

fn main() {}
