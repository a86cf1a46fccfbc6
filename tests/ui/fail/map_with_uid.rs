use harness::isolated;

#[isolated(map = identity, uid = 1000)]
fn two_words_for_who_i_am() {}

fn main() {}
