use harness::isolated;

#[isolated(pid)]
struct Test {
    field: u32,
}

fn main() {}
