//! The architecture's first invariant: a crate depends on lower floors (and named neighbours) only.

use std::fs;
use std::path::{Path, PathBuf};

/// Floor of each crate. A crate may use crates of lower floors; pairs on one floor are listed in [`NEIGHBOURS`].
const FLOORS: [(&str, u8); 12] = [
    ("striate-kernels", 0),
    ("striate-mnist", 0),
    ("striate-tensor", 1),
    ("striate-image", 1),
    ("striate-nn", 2),
    ("striate-data", 2),
    ("striate-models", 3),
    ("striate-train", 3),
    ("striate-road", 4),
    ("striate-studio", 5),
    ("striate", 6),
    ("xtask", 6),
];

/// Same floor, one direction: the training loop builds models by name.
const NEIGHBOURS: [(&str, &str); 1] = [("striate-train", "striate-models")];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the repository").to_path_buf()
}

fn floor(name: &str) -> u8 {
    let entry = FLOORS.iter().find(|(known, _)| *known == name);
    entry.unwrap_or_else(|| panic!("{name} has no floor: add it to FLOORS and to ARCHITECTURE.md")).1
}

/// Names of workspace crates in the `[dependencies]` section (tests may look anywhere).
fn dependencies(manifest: &Path) -> Vec<String> {
    let text = fs::read_to_string(manifest).expect("a crate has a manifest");
    let section = text.lines().skip_while(|line| line.trim() != "[dependencies]").skip(1);
    section
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| name.starts_with("striate"))
        .map(str::to_string)
        .collect()
}

#[test]
fn arrows_point_down_only() {
    let mut seen = 0;
    for entry in fs::read_dir(root().join("crates")).expect("the crates folder") {
        let folder = entry.expect("a readable folder").path();
        let name = folder.file_name().expect("a named folder").to_string_lossy().into_owned();
        for dependency in dependencies(&folder.join("Cargo.toml")) {
            let neighbours = NEIGHBOURS.contains(&(name.as_str(), dependency.as_str()));
            assert!(
                floor(&dependency) < floor(&name) || neighbours,
                "{name} (floor {}) must not depend on {dependency} (floor {})",
                floor(&name),
                floor(&dependency)
            );
        }
        seen += 1;
    }
    assert_eq!(seen, FLOORS.len() - 1, "FLOORS names a crate that does not exist");
}

#[test]
fn unsafe_code_lives_in_the_kernels_only() {
    for entry in fs::read_dir(root().join("crates")).expect("the crates folder") {
        let folder = entry.expect("a readable folder").path();
        if folder.ends_with("striate-kernels") {
            continue;
        }
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("a crate has a manifest");
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "{} does not take the workspace's lints, which refuse unsafe code",
            folder.display()
        );
    }
}
