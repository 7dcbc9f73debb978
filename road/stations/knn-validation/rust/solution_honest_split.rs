use std::collections::BTreeMap;

use striate_array::Array;

pub fn honest_split(
    order: &Array<i64>,
    groups: &Array<i64>,
    labels: &Array<i64>,
    dev: f64,
    test: f64,
) -> Array<i64> {
    assert!(dev >= 0.0 && test >= 0.0 && dev + test <= 1.0, "shares of {dev} and {test} cannot be taken");
    // The groups of each class, as they first appear.
    let mut classes: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for &sample in order.iter() {
        let (group, label) = (groups[[sample as usize]], labels[[sample as usize]]);
        let members = classes.entry(label).or_default();
        if !members.contains(&group) {
            members.push(group);
        }
    }
    let mut part_of = BTreeMap::new();
    for members in classes.values() {
        let quota = |share: f64| (share * members.len() as f64 + 0.5).floor() as usize;
        let (tests, devs) = (quota(test), quota(dev));
        for (place, &group) in members.iter().enumerate() {
            part_of.insert(group, if place < tests { 2 } else if place < tests + devs { 1 } else { 0 });
        }
    }
    groups.map(|group| part_of[&group])
}
