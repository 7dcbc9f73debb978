//! `striate train|eval|predict|runs`, the program itself: training, stopping, dying, resuming, and every way to fail.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// A folder for what the program keeps, and its cache (shared by all tests: MNIST is decoded once).
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Home(tempfile::tempdir().unwrap())
    }

    fn striate(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_striate"));
        command.args(arguments).env("STRIATE_HOME", self.0.path()).env_remove("STRIATE_DATA");
        command.env("STRIATE_WORKSPACE", self.0.path().join("work"));
        command.env("STRIATE_CACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"));
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.striate(arguments).output().unwrap()
    }

    /// Runs a command that must work, and gives what it printed.
    fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that must fail with this exit code, and gives its error text.
    fn fails(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(text.starts_with("error: ") && text.matches("error: ").count() == 1, "one error: {text}");
        assert!(!text.contains("panicked"), "{text}");
        text
    }

    fn folder(&self, run: &str) -> PathBuf {
        self.0.path().join("runs").join(run)
    }

    fn weights(&self, run: &str) -> Vec<u8> {
        fs::read(self.folder(run).join("model.safetensors")).unwrap()
    }

    /// Starts a command and waits until its training has done `steps` steps.
    fn until_step(&self, steps: u64, arguments: &[&str]) -> Child {
        let mut child = self.striate(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
        let reached =
            lines.any(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap()["step"].as_u64() >= Some(steps));
        assert!(reached, "the training ended before step {steps}");
        child
    }
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"))).collect()
}

/// A short training with everything in it: batch norm, augmentation, one-cycle. 93 steps an epoch.
fn short<'a>(epochs: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let settings = ["--train-limit", "3000", "--batch-size", "32", "--augment", "affine", "--epochs", epochs];
    ["train", "digits", "--json"].into_iter().chain(settings).chain(more.iter().copied()).collect()
}

#[test]
fn the_defaults_reach_99_percent() {
    let home = Home::new();
    let text = home.ok(&["train", "digits", "--json"]);
    let events = json_lines(&text);
    assert_eq!(events[0]["event"], "started");
    assert_eq!((&events[0]["train_images"], &events[0]["validation_images"]), (&55_000.into(), &5_000.into()));
    let last = events.last().unwrap();
    assert_eq!(last["event"], "finished");
    assert!(last["test_accuracy"].as_f64().unwrap() >= 0.99, "{last}");
    assert_eq!(last["test_images"], 10_000);
    // What is printed is what is kept.
    let kept = fs::read_to_string(home.folder("digits-cnn4-0001").join("metrics.jsonl")).unwrap();
    assert_eq!(kept, text);

    let evaluation: Value = serde_json::from_str(&home.ok(&["eval", "latest", "--json"])).unwrap();
    assert_eq!(evaluation["accuracy"], last["test_accuracy"]);
    let table = home.ok(&["eval", "digits-cnn4-0001"]);
    assert!(table.contains("precision") && table.contains("Confusion matrix"), "{table}");
    assert!(home.folder("digits-cnn4-0001").join("mistakes.png").is_file());
    predicts_pictures(&home);
    completes_the_station(&home);
}

/// With this run and the two functions, the milestone is done.
fn completes_the_station(home: &Home) {
    home.ok(&["start", "digit-classifier", "--lang", "rust"]);
    let work = home.0.path().join("work/digit-classifier");
    let output = home.run(&["check", "train_digit_cnn"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.code() == Some(1) && text.contains("train_digit_cnn: not attempted"), "{text}");
    home.fails(2, &["check", "centroid_track", "--run", "latest"]);

    fs::write(work.join("run.toml"), "run = \"latest\"\n").unwrap();
    let text = home.ok(&["check", "train_digit_cnn"]);
    assert!(text.contains("✓ train_digit_cnn: passed") && text.contains("✓ OpenCV's digit sheet: 9"), "{text}");
    assert!(home.ok(&["road", "digit-classifier"]).contains("◐ started"));
    let report: Value =
        serde_json::from_str(&home.ok(&["check", "train_digit_cnn", "--run", "digits-cnn4-0001", "--json"])).unwrap();
    assert_eq!((&report["status"], &report["language"]), (&"passed".into(), &Value::Null));

    let solutions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../road/stations/digit-classifier/rust");
    for id in ["mnist_preprocess", "centroid_track"] {
        let file = work.join("rust/src").join(format!("{id}.rs"));
        fs::copy(solutions.join(format!("solution_{id}.rs")), file).unwrap();
    }
    let text = home.ok(&["check", "digit-classifier"]);
    assert!(text.contains("The station digit-classifier is complete"), "{text}");
    let text = home.ok(&["road", "digit-classifier"]);
    assert!(text.contains("✓ done") && text.contains("✓ train_digit_cnn: passed"), "{text}");
}

/// Test digits as pictures of several kinds: nine of ten must come out right whatever the size and polarity.
fn predicts_pictures(home: &Home) {
    let digits = striate_data::mnist::test().unwrap();
    let pictures = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    for index in 0..40 {
        let digit = image::GrayImage::from_raw(28, 28, digits.image(index).to_vec()).unwrap();
        let mut large = image::imageops::resize(&digit, 196, 196, image::imageops::FilterType::CatmullRom);
        let path = match index % 3 {
            0 => pictures.path().join(format!("{index}.png")),
            1 => {
                image::imageops::invert(&mut large);
                pictures.path().join(format!("{index}.jpg"))
            }
            _ => {
                let mut page = image::GrayImage::from_pixel(640, 480, image::Luma([230]));
                image::imageops::invert(&mut large);
                large.pixels_mut().for_each(|pixel| pixel.0[0] = pixel.0[0].min(230));
                image::imageops::overlay(&mut page, &large, 400, 30);
                page.save(pictures.path().join(format!("{index}.png"))).unwrap();
                paths.push(pictures.path().join(format!("{index}.png")).display().to_string());
                continue;
            }
        };
        large.save(&path).unwrap();
        paths.push(path.display().to_string());
    }
    let arguments: Vec<&str> =
        ["predict", "latest", "--json"].into_iter().chain(paths.iter().map(String::as_str)).collect();
    let answers = json_lines(&home.ok(&arguments));
    let right = (0..40).filter(|&index| answers[index]["index"] == digits.labels[index]).count();
    assert!(right >= 36, "{right} of 40");

    let blank = pictures.path().join("blank.png");
    image::GrayImage::from_pixel(30, 30, image::Luma([255])).save(&blank).unwrap();
    let text = home.fails(1, &["predict", "latest", blank.to_str().unwrap()]);
    assert!(text.contains("blank.png: no digit in the picture"), "{text}");
}

#[test]
fn killed_at_any_moment_it_resumes_and_ends_the_same() {
    let home = Home::new();
    // All that has a state between steps: a mean of the weights, a schedule that looks at the loss, groups.
    let stateful = |name: &'static str, more: &[&'static str]| -> Vec<&'static str> {
        let averaged = ["--name", name, "--ema", "0.99", "--optimizer", "adamw", "--decay-weights-only"];
        let plateau = ["--schedule", "plateau", "--schedule-options", "patience=0,threshold=0.9", "--warm-up", "0.2"];
        let group = ["--group", "*.bias:lr_factor=2"];
        short("3", &[&averaged[..], &plateau, &group, more].concat())
    };
    home.ok(&stateful("straight", &[]));
    // Checkpoints after every step, so that the kill falls into the writing of one.
    let mut child = home.until_step(40, &stateful("killed", &["--checkpoint-every", "0"]));
    child.kill().unwrap();
    child.wait().unwrap();
    let first = home.striate(&["runs", "--json"]).output().unwrap();
    let rows = json_lines(&String::from_utf8(first.stdout).unwrap());
    let killed = rows.iter().find(|row| row["run"] == "killed").unwrap();
    assert_eq!((&killed["status"], &killed["test_accuracy"]), (&"interrupted".into(), &Value::Null));

    let mut child = home.until_step(130, &["train", "--resume", "killed", "--json"]);
    child.kill().unwrap();
    child.wait().unwrap();
    let events = json_lines(&home.ok(&["train", "--resume", "killed", "--json"]));
    // At most one step is lost: the one after the last checkpoint.
    assert!(events[0]["resumed_at"].as_u64().unwrap() >= 129, "{}", events[0]);
    assert_eq!(home.weights("killed"), home.weights("straight"));
    let metrics = json_lines(&fs::read_to_string(home.folder("killed").join("metrics.jsonl")).unwrap());
    let epochs: Vec<&Value> = metrics.iter().filter(|event| event["event"] == "epoch").collect();
    assert_eq!(epochs.iter().map(|event| event["epoch"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2, 3]);
    let text = home.fails(1, &["train", "--resume", "killed"]);
    assert!(text.contains("is finished: there is nothing to resume"), "{text}");
}

#[test]
fn another_runs_settings_are_taken_up_and_changed() {
    let home = Home::new();
    let more =
        ["--name", "first", "--model", "mlp", "--ema", "0.9", "--schedule", "cyclic", "--schedule-options", "cycles=2"];
    home.ok(&short("1", &more));
    let settings = home.folder("first").join("config.toml");
    let file = settings.to_str().unwrap();
    home.ok(&["train", "--config", file, "--name", "again", "--json"]);
    assert_eq!(home.weights("again"), home.weights("first"));
    home.ok(&["train", "--config", file, "--name", "other", "--seed", "1", "--json"]);
    assert_ne!(home.weights("other"), home.weights("first"));
    let text = fs::read_to_string(home.folder("other").join("config.toml")).unwrap();
    for kept in ["seed = 1\n", "ema = 0.9\n", "schedule = \"cyclic\"\n", "[schedule_options]\ncycles = 2\n"] {
        assert!(text.contains(kept), "{kept} in {text}");
    }

    fs::write(&settings, "model = \"mlp\"\nepoch = 3\n").unwrap();
    let text = home.fails(2, &["train", "--config", file]);
    assert!(text.contains("config.toml: ") && text.contains("unknown field `epoch`"), "{text}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_after_the_batch_and_the_run_can_go_on() {
    let home = Home::new();
    home.ok(&short("8", &["--name", "straight", "--model", "lenet"]));
    let mut child = home.until_step(20, &short("8", &["--name", "stopped", "--model", "lenet"]));
    let busy = home.fails(1, &["train", "--resume", "stopped"]);
    assert!(busy.contains("is being trained by another process"), "{busy}");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let metrics = json_lines(&fs::read_to_string(home.folder("stopped").join("metrics.jsonl")).unwrap());
    assert_eq!(metrics.last().unwrap()["event"], "interrupted");
    let text = home.fails(1, &["eval", "stopped"]);
    assert!(text.contains("its training is not finished"), "{text}");
    home.ok(&["train", "--resume", "stopped"]);
    assert_eq!(home.weights("stopped"), home.weights("straight"));
}

#[test]
fn people_get_words_and_the_next_steps() {
    let home = Home::new();
    assert!(home.ok(&["runs"]).contains("No run yet"));
    let text = home.ok(&["train", "digits", "--model", "softmax", "--epochs", "1", "--train-limit", "2000"]);
    for wanted in [
        "softmax (7 850 weights) learns MNIST: 2 000 images",
        "epoch 1/1",
        "Test accuracy ",
        "striate eval digits-softmax-0001",
    ] {
        assert!(text.contains(wanted), "{wanted} in {text}");
    }
    let listed = home.ok(&["runs"]);
    assert!(listed.contains("digits-softmax-0001") && listed.contains("finished"), "{listed}");
    for command in ["train", "eval", "predict", "runs"] {
        assert!(home.ok(&[command, "--help"]).contains("Examples:"), "{command}");
    }
}

#[test]
fn wrong_usage_is_named() {
    let home = Home::new();
    for (arguments, wanted) in [
        (&["train", "digits", "--learning-rate", "0"][..], "--learning-rate must be above 0"),
        (&["train", "digits", "--model", "resnet"], "softmax, mlp, lenet, cnn"),
        (&["train", "--resume", "nothing"], "no run 'nothing': no run exists yet"),
        (&["eval", "nothing"], "no run 'nothing'"),
        (&["predict", "nothing", "a.png"], "no run 'nothing'"),
        (&["train", "--resume", "x", "--epochs", "3"], "cannot be used with"),
        (&["train", "--ema", "1"], "--ema must be from 0 to below 1"),
        (&["train", "--schedule", "spiral"], "cosine-restarts"),
        (&["train", "--schedule", "cosine", "--schedule-options", "power=2"], "has no power; it has min_lr"),
        (&["train", "--warm-up", "0.1"], "no place before the schedule one-cycle"),
        (
            &["train", "--model", "mlp", "--group", "conv*:lr_factor=0"],
            "no parameter has such a path; mlp has fc1.weight",
        ),
        (&["train", "--group", "conv*"], "write PATTERN:lr_factor=FACTOR"),
        (&["train", "--model", "mlp", "--freeze", "*"], "--freeze leaves no weight that learns"),
        (&["train", "--early-stop", "0"], "--early-stop must be at least 1"),
        (&["train", "--config", "nothing.toml"], "nothing.toml: "),
    ] {
        let text = home.fails(2, arguments);
        assert!(text.contains(wanted), "{text}");
    }
    assert!(!home.folder("").exists(), "wrong usage must leave nothing behind");
}

#[test]
fn data_that_cannot_be_used_are_one_clear_error() {
    let home = Home::new();
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let fails = |wanted: &str| {
        let text = home.fails(1, &["train", "digits", "--data", folder]);
        assert!(text.contains(wanted), "{wanted} in {text}");
    };
    fails("no dataset in");

    let labels = data.path().join("train-labels-idx1-ubyte");
    let images = data.path().join("train-images-idx3-ubyte");
    fs::write(&labels, [&[0, 0, 8, 1, 0, 0, 0, 2][..], &[0, 1]].concat()).unwrap();
    fs::write(&images, [&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28][..], &[7; 1000]].concat()).unwrap();
    fails("train-images-idx3-ubyte is cut short: its header promises 1568 bytes of data, it has 1000");
    fs::write(&images, b"\x89PNG\r\n\x1a\n.....").unwrap();
    fails("train-images-idx3-ubyte is not an idx file: it starts with 89 50 4e 47");
    fs::write(&images, [&[0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2][..], &[7; 4]].concat()).unwrap();
    fails("has 1 images but");
    fs::remove_file(&images).unwrap();
    fails("the images of the part 'train' are missing");
    fs::remove_file(&labels).unwrap();

    fs::create_dir(data.path().join("cats")).unwrap();
    fails("the class folder");
    assert!(home.ok(&["runs"]).contains("No run yet"), "a run that never began must not be kept");
}

#[test]
fn a_folder_of_pictures_is_learned_and_recognised() {
    let home = Home::new();
    let data = tempfile::tempdir().unwrap();
    for (class, upright) in [("bars", true), ("lines", false)] {
        fs::create_dir(data.path().join(class)).unwrap();
        for index in 0..30u32 {
            let mut picture = image::RgbImage::from_pixel(40, 30, image::Rgb([250, 240, 200]));
            for along in 3..27 {
                let (x, y) = if upright { (5 + index, along) } else { (along, index % 28 + 1) };
                picture.put_pixel(x, y, image::Rgb([20, 60, 120]));
            }
            picture.save(data.path().join(class).join(format!("{index}.png"))).unwrap();
        }
    }
    let folder = data.path().to_str().unwrap();
    let arguments = ["train", "--data", folder, "--epochs", "20", "--batch-size", "8", "--name", "mine"];
    let text = home.ok(&arguments);
    assert!(text.contains("has no test part of its own: 12 of its 60 images"), "{text}");
    let summary: Value = serde_json::from_slice(&fs::read(home.folder("mine").join("summary.json")).unwrap()).unwrap();
    assert!(summary["test_accuracy"].as_f64().unwrap() >= 0.9, "{summary}");
    let picture = data.path().join("bars/3.png");
    assert!(home.ok(&["predict", "mine", picture.to_str().unwrap()]).contains("3.png: bars ("));

    fs::remove_file(&picture).unwrap();
    let text = home.fails(2, &arguments);
    assert!(text.contains("there is already a run 'mine'"), "{text}");
}

#[test]
fn a_loss_that_runs_away_is_one_clear_error() {
    let home = Home::new();
    let rate = ["--model", "mlp", "--optimizer", "sgd", "--learning-rate", "1e6"];
    let text = home.fails(1, &short("2", &rate));
    for wanted in
        ["at step ", "with learning rate ", "Try a smaller learning rate (--learning-rate 0.05)", "--optimizer adam"]
    {
        assert!(text.contains(wanted), "{wanted} in {text}");
    }
    assert!(home.ok(&["runs"]).contains("failed"));
}

/// A limit on the size of files stands for a full disk: the same failing write, without needing a disk to fill.
#[cfg(target_os = "linux")]
#[test]
fn a_checkpoint_that_cannot_be_written_is_one_clear_error_and_leaves_the_last_one() {
    let home = Home::new();
    let mut child = home.until_step(30, &short("2", &["--name", "full", "--checkpoint-every", "0"]));
    child.kill().unwrap();
    child.wait().unwrap();
    let checkpoint = home.folder("full").join("checkpoint.safetensors");
    let before = fs::read(&checkpoint).unwrap();
    let mut limited = Command::new("bash");
    limited.args([
        "-c",
        "trap '' XFSZ; ulimit -f 16; exec \"$0\" train --resume full --json",
        env!("CARGO_BIN_EXE_striate"),
    ]);
    let environment = home.striate(&[]);
    limited.envs(environment.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = limited.output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("cannot write") && text.contains("checkpoint.safetensors"), "{text}");
    assert_eq!(fs::read(&checkpoint).unwrap(), before);
    home.ok(&["train", "--resume", "full"]);
    assert!(home.folder("full").join("summary.json").is_file());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_one_clear_error() {
    let disk = tempfile::tempdir().unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"]).arg(disk.path()).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: mounting a small disk needs root; the test above covers the failing write");
        return;
    }
    let home = Home::new();
    let output =
        home.striate(&short("2", &["--checkpoint-every", "0"])).env("STRIATE_HOME", disk.path()).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    let run = disk.path().join("runs/digits-cnn4-0001/config.toml");
    let run_is_there = run.is_file();
    assert!(Command::new("umount").arg(disk.path()).status().unwrap().success());
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.starts_with("error: the disk is full: cannot write "), "{text}");
    assert!(text.contains("striate train --resume digits-cnn4-0001") && run_is_there, "{text}");
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_one_clear_error() {
    let home = Home::new();
    home.ok(&["train", "digits", "--model", "softmax", "--epochs", "1", "--train-limit", "500"]);
    let full = || Stdio::from(fs::File::options().write(true).open("/dev/full").unwrap());
    for arguments in [&["runs"][..], &["runs", "--json"], &["eval", "latest"]] {
        let output = home.striate(arguments).stdout(full()).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {text}");
        assert!(text.starts_with("error: cannot write all of the output: No space left"), "{text}");
        // A reader that has seen enough is no error.
        let mut child = home.striate(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && text.is_empty(), "{arguments:?}: {text}");
    }
}

#[test]
fn a_run_that_lost_a_file_is_one_clear_error() {
    let home = Home::new();
    home.ok(&["train", "digits", "--model", "softmax", "--epochs", "1", "--train-limit", "500"]);
    fs::remove_file(home.folder("digits-softmax-0001").join("model.safetensors")).unwrap();
    for command in [&["eval", "latest"][..], &["predict", "latest", "a.png"]] {
        let text = home.fails(1, command);
        // It is finished: advice to resume would lead nowhere.
        assert!(text.contains("model.safetensors is gone") && !text.contains("--resume"), "{text}");
    }
}
