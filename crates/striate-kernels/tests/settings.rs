//! The settings from the environment, and what the pool costs when there is nothing to do.

use std::process::Command;

use striate_kernels::{pointwise, threads};

/// What the child processes run: enough work for the pool, and a kernel of the instruction set in use.
#[test]
fn work_is_done() {
    let mut x = vec![1.0_f32; 1 << 18];
    pointwise::map_in_place(&mut x, |x| x + 1.0);
    assert_eq!(pointwise::sum(&x), (1 << 19) as f32);
}

fn run_with(settings: &[(&str, &str)]) -> String {
    let mut command = Command::new(std::env::current_exe().expect("the path of this program"));
    command.args(["--exact", "work_is_done", "--no-capture"]);
    command.env_remove("STRIATE_ISA").env_remove("STRIATE_NUM_THREADS").envs(settings.iter().copied());
    let output = command.output().expect("the test runs");
    assert!(output.status.success(), "{settings:?}");
    String::from_utf8_lossy(&output.stderr).lines().filter(|line| line.contains("STRIATE_")).collect()
}

#[test]
fn a_setting_that_makes_no_sense_is_named_in_one_line() {
    assert_eq!(run_with(&[]), "");
    assert_eq!(run_with(&[("STRIATE_NUM_THREADS", "2"), ("STRIATE_ISA", "scalar")]), "");
    let line = run_with(&[("STRIATE_NUM_THREADS", "all")]);
    assert!(line.starts_with("STRIATE_NUM_THREADS=all is no whole number from 1 to 1024: using "), "{line}");
    assert_eq!(line.matches("STRIATE_").count(), 1, "{line}");
    let line = run_with(&[("STRIATE_ISA", "sse9")]);
    assert!(line.starts_with("STRIATE_ISA=sse9 is none of scalar, "), "{line}");
    assert_eq!(line.matches("STRIATE_").count(), 1, "{line}");
}

/// Clock ticks (of 10 ms) the workers have used so far.
#[cfg(target_os = "linux")]
fn worker_ticks() -> (usize, u64) {
    let tasks = std::fs::read_dir("/proc/self/task").expect("the threads of this process");
    let folders = tasks.map(|task| task.expect("a thread").path());
    let workers = folders.filter(|task| {
        std::fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim_end().starts_with("striate-"))
    });
    let ticks: Vec<u64> = workers
        .map(|task| {
            let stat = std::fs::read_to_string(task.join("stat")).expect("its times");
            // After the name, which is in brackets: user and system time are fields 14 and 15, counted from 1.
            let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
            [fields[11], fields[12]].iter().map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
        })
        .collect();
    (ticks.len(), ticks.iter().sum())
}

#[test]
#[cfg(target_os = "linux")]
fn an_idle_pool_uses_no_processor_time() {
    threads::set_num_threads(5);
    work_is_done();
    std::thread::sleep(std::time::Duration::from_millis(200));
    let (workers, before) = worker_ticks();
    assert!(workers >= 4, "{workers} workers");
    std::thread::sleep(std::time::Duration::from_millis(500));
    let (_, after) = worker_ticks();
    // Four that kept on spinning would use up to 200 ticks.
    assert!(after - before <= 1, "{} ticks in half a second", after - before);
}
