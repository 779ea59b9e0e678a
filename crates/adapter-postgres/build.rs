//! The migrations are part of the binary: a new one must make it stale.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
