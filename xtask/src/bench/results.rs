//! The numbers the programs printed.

use super::machine::Disturbance;

/// One number of one turn of a program.
pub struct Sample {
    pub workload: String,
    pub peer: String,
    pub metric: String,
    pub value: f64,
    pub disturbance: Disturbance,
}

/// Everything measured in this run, in order.
#[derive(Default)]
pub struct Results(pub Vec<Sample>);

/// A turn in which others took more than this is left out where a quieter one exists.
pub const MAX_FOREIGN: f64 = 0.05;

impl Results {
    /// Takes the lines `workload<TAB>peer<TAB>threads<TAB>metric<TAB>value` of a program's output. Returns how many.
    pub fn take(&mut self, output: &str, disturbance: Disturbance) -> usize {
        let before = self.0.len();
        for line in output.lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            let [workload, peer, _threads, metric, value] = fields[..] else { continue };
            let Ok(value) = value.parse() else { continue };
            let [workload, peer, metric] = [workload, peer, metric].map(str::to_owned);
            self.0.push(Sample { workload, peer, metric, value, disturbance });
        }
        self.0.len() - before
    }

    /// One number that this program measured itself.
    pub fn add(&mut self, workload: &str, peer: &str, metric: &str, value: f64, disturbance: Disturbance) {
        let [workload, peer, metric] = [workload, peer, metric].map(str::to_owned);
        self.0.push(Sample { workload, peer, metric, value, disturbance });
    }

    /// All turns of one number.
    pub fn samples<'a>(
        &'a self,
        workload: &'a str,
        peer: &'a str,
        metric: &'a str,
    ) -> impl Iterator<Item = &'a Sample> + 'a {
        self.0.iter().filter(move |s| s.workload == workload && s.peer == peer && s.metric == metric)
    }

    /// What others took in the quietest turn.
    pub fn quietest(&self, workload: &str, peer: &str, metric: &str) -> Option<f64> {
        self.samples(workload, peer, metric).map(|sample| sample.disturbance.foreign).reduce(f64::min)
    }

    /// The median over the quiet turns.
    pub fn median(&self, workload: &str, peer: &str, metric: &str) -> Option<f64> {
        let limit = self.quietest(workload, peer, metric)?.max(MAX_FOREIGN);
        let quiet = self.samples(workload, peer, metric).filter(|s| s.disturbance.foreign <= limit);
        let mut values: Vec<f64> = quiet.map(|sample| sample.value).collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        Some(if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 })
    }

    /// The mean over all turns.
    pub fn mean(&self, workload: &str, peer: &str, metric: &str) -> Option<f64> {
        let values: Vec<f64> = self.samples(workload, peer, metric).map(|sample| sample.value).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    }

    /// The names in one column, each once, in the order of their first appearance.
    fn names<'a>(&'a self, name: impl Fn(&'a Sample) -> Option<&'a str>) -> Vec<&'a str> {
        let mut names: Vec<&str> = Vec::new();
        for found in self.0.iter().filter_map(name) {
            if !names.contains(&found) {
                names.push(found);
            }
        }
        names
    }

    /// Every workload.
    pub fn workloads(&self) -> Vec<&str> {
        self.names(|sample| Some(&sample.workload))
    }

    /// Who ran a workload.
    pub fn peers(&self, workload: &str) -> Vec<&str> {
        self.names(|sample| (sample.workload == workload).then_some(sample.peer.as_str()))
    }

    /// What was measured of a peer on a workload.
    pub fn metrics(&self, workload: &str, peer: &str) -> Vec<&str> {
        self.names(|sample| (sample.workload == workload && sample.peer == peer).then_some(sample.metric.as_str()))
    }

    /// The fastest of the peers that `belongs` accepts, by its median of a metric in which less is better.
    pub fn fastest(&self, workload: &str, metric: &str, belongs: impl Fn(&str) -> bool) -> Option<(&str, f64)> {
        let peers = self.peers(workload).into_iter().filter(|peer| belongs(peer));
        let medians = peers.filter_map(|peer| Some((peer, self.median(workload, peer, metric)?)));
        medians.min_by(|a, b| a.1.total_cmp(&b.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_leaves_out_disturbed_turns() {
        let mut results = Results::default();
        for (value, foreign) in [(10.0, 0.0), (50.0, 0.5), (12.0, 0.01)] {
            let line = format!("# a note\nw1\tstriate\t2\tms\t{value}\nw1\ttorch-cl\t2\tms\t{}\n", 2.0 * value);
            assert_eq!(results.take(&line, Disturbance { foreign, steal: 0.0 }), 2);
        }
        assert_eq!(results.median("w1", "striate", "ms"), Some(11.0));
        assert_eq!(results.fastest("w1", "ms", |peer| peer.starts_with("torch")), Some(("torch-cl", 22.0)));
        assert_eq!(results.median("w1", "burn", "ms"), None);
    }
}
