//! Holding images out: validation images steer the training, test images only measure its end.

use std::sync::Arc;

use striate_tensor::random::Generator;

use crate::{DataError, Parts, Subset};

/// Share of the images held out for the test, where the source sets none apart.
const TEST_SHARE: f64 = 0.2;
/// Share of the training images held out for validation, and the most that are ever needed.
const VALIDATION_SHARE: f64 = 0.1;
const VALIDATION_MOST: f64 = 5000.0;

/// A dataset parted for training. No image is in two parts, and each part has each class in the same proportion.
#[derive(Clone, Debug)]
pub struct Splits {
    /// Images to learn from.
    pub train: Subset,
    /// Images to compare epochs and settings with.
    pub validation: Subset,
    /// Images to measure the finished model with, once.
    pub test: Subset,
    /// What the user must know about how the parts were made.
    pub notices: Vec<String>,
}

impl Splits {
    /// Parts a dataset; `seed` decides which images are held out.
    ///
    /// Validation images, a tenth of the training part but at most 5000, are taken out of it. A dataset without a test
    /// part of its own gives a fifth of its images, and a notice says so.
    pub fn new(parts: Parts, seed: u64) -> Result<Splits, DataError> {
        let Parts { train, test } = parts;
        enough(&train, if test.is_some() { 2 } else { 3 })?;
        let dataset = Arc::new(train);
        let mut notices = Vec::new();
        let mut train = Subset::all(dataset.clone());
        let test = match test {
            Some(test) => Subset::all(Arc::new(test)),
            None => {
                let (rest, test) = hold_out(&train, TEST_SHARE, Generator::new(seed).fork(1));
                notices.push(format!(
                    "{} has no test part of its own: {} of its {} images, chosen by seed {seed}, are held out for the test",
                    dataset.source, test.len(), dataset.len()
                ));
                train = rest;
                test
            }
        };
        let share = VALIDATION_SHARE.min(VALIDATION_MOST / train.len() as f64);
        let (train, validation) = hold_out(&train, share, Generator::new(seed).fork(2));
        Ok(Splits { train, validation, test, notices })
    }
}

/// About `count` images of `subset` with its proportions of classes (each class keeps at least one image).
pub fn limit(subset: &Subset, count: usize, seed: u64) -> Subset {
    if count >= subset.len() {
        return subset.clone();
    }
    hold_out(subset, count as f64 / subset.len() as f64, Generator::new(seed).fork(3)).1
}

/// Takes `share` of each class out of `subset`: (the rest, the images taken). Of a class with two images or more at
/// least one is taken and one left. Both keep the order of `subset`.
fn hold_out(subset: &Subset, share: f64, generator: Generator) -> (Subset, Subset) {
    let mut members = vec![Vec::new(); subset.dataset().classes()];
    (0..subset.len()).for_each(|position| members[subset.label(position) as usize].push(position));
    let sizes: Vec<usize> = members.iter().map(Vec::len).collect();
    let mut taken = vec![false; subset.len()];
    for (class, (members, count)) in members.iter().zip(shares(&sizes, share)).enumerate() {
        let order = generator.fork(class as u64).permutation(members.len());
        order[..count].iter().for_each(|&position| taken[members[position]] = true);
    }
    let part = |wanted: bool| {
        let indices = subset.indices().iter().zip(&taken).filter(|&(_, &taken)| taken == wanted);
        Subset::new(subset.dataset().clone(), indices.map(|(&index, _)| index).collect())
    };
    (part(false), part(true))
}

/// How many of each class to take so that they add up to `share` of all: the whole parts, then one more for those with
/// the largest remainders.
fn shares(sizes: &[usize], share: f64) -> Vec<usize> {
    let limited = |size: usize, count: usize| count.clamp(usize::from(size >= 2), size.saturating_sub(1));
    let mut counts: Vec<usize> =
        sizes.iter().map(|&size| limited(size, (size as f64 * share).floor() as usize)).collect();
    let wanted = (sizes.iter().sum::<usize>() as f64 * share).round() as usize;
    let mut by_remainder: Vec<usize> = (0..sizes.len()).collect();
    by_remainder.sort_by(|&a, &b| (sizes[b] as f64 * share).fract().total_cmp(&(sizes[a] as f64 * share).fract()));
    let missing = wanted.saturating_sub(counts.iter().sum());
    for class in by_remainder.into_iter().take(missing) {
        counts[class] = limited(sizes[class], counts[class] + 1);
    }
    counts
}

fn enough(train: &crate::Dataset, least: usize) -> Result<(), DataError> {
    for (class, name) in train.class_names.iter().enumerate() {
        let count = train.labels.iter().filter(|&&label| label == class as i64).count();
        // A class without any image is a gap in the labels of an idx set (labels 1 to 9, say): harmless.
        if count > 0 && count < least {
            let purposes = if least == 2 {
                "one to learn from and one to validate with"
            } else {
                "one each to learn from, to validate with and to test with"
            };
            return Err(DataError::TooFewImages(format!(
                "{}: the class '{name}' has {count} image{}, at least {least} are needed ({purposes})\nAdd images of this class, or remove it.",
                train.source,
                if count == 1 { "" } else { "s" }
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dataset;

    fn dataset(counts: &[usize]) -> Dataset {
        let labels: Vec<i64> =
            counts.iter().enumerate().flat_map(|(class, &count)| std::iter::repeat_n(class as i64, count)).collect();
        Dataset {
            images: vec![0; labels.len()],
            labels,
            channels: 1,
            height: 1,
            width: 1,
            class_names: (0..counts.len()).map(|class| class.to_string()).collect(),
            source: "made up".to_owned(),
        }
    }

    fn per_class(subset: &Subset) -> Vec<usize> {
        let mut counts = vec![0; subset.dataset().classes()];
        (0..subset.len()).for_each(|i| counts[subset.label(i) as usize] += 1);
        counts
    }

    #[test]
    fn parts_are_disjoint_stratified_and_seeded() {
        let split = |seed| Splits::new(Parts { train: dataset(&[100, 50]), test: None }, seed).unwrap();
        let parts = split(7);
        assert_eq!(per_class(&parts.test), [20, 10]);
        assert_eq!(per_class(&parts.validation), [8, 4]);
        assert_eq!(per_class(&parts.train), [72, 36]);
        assert!(parts.notices[0].contains("30 of its 150 images"));
        let mut all: Vec<u32> =
            [&parts.train, &parts.validation, &parts.test].iter().flat_map(|s| s.indices().to_vec()).collect();
        all.sort_unstable();
        assert_eq!(all, (0..150).collect::<Vec<u32>>());
        assert_eq!(split(7).test.indices(), parts.test.indices());
        assert_ne!(split(8).test.indices(), parts.test.indices());
    }

    #[test]
    fn shares_add_up() {
        assert_eq!(shares(&[10, 10, 10], 0.5), [5, 5, 5]);
        assert_eq!(shares(&[5923, 6742, 5421], 1.0 / 12.0).iter().sum::<usize>(), 1507);
        assert_eq!(shares(&[0, 1, 2, 3], 0.1), [0, 0, 1, 1]);
    }

    #[test]
    fn an_own_test_part_is_left_alone() {
        let parts = Parts { train: dataset(&[10, 10]), test: Some(dataset(&[3, 3])) };
        let parts = Splits::new(parts, 0).unwrap();
        assert_eq!((parts.train.len(), parts.validation.len(), parts.test.len()), (18, 2, 6));
        assert!(parts.notices.is_empty());
        assert_eq!(per_class(&limit(&parts.train, 4, 0)), [2, 2]);
    }

    #[test]
    fn a_class_too_small_to_part_is_named() {
        let text = Splits::new(Parts { train: dataset(&[10, 2]), test: None }, 0).unwrap_err().to_string();
        assert!(text.contains("the class '1' has 2 images, at least 3 are needed"), "{text}");
    }
}
