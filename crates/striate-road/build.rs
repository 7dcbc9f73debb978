//! Rebuilds the crate when a file is added to or removed from the road; changes inside files are seen anyway.

fn main() {
    println!("cargo::rerun-if-changed=../../road");
}
