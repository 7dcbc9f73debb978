//! Programs that mean harm: none of them passes, hangs the check, or changes anything outside. The table is printed with
//! `--nocapture`.

#![cfg(target_os = "linux")]

mod common;

use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use common::{Learner, available};
use striate_road::check::{Language, Report, Status};
use striate_road::runner::Protection;

/// No check may take longer, however slow the machine.
const NEVER_LONGER: Duration = Duration::from_secs(60);

/// What it tries, and the body of the function in Python and in Rust.
struct Attack {
    what: &'static str,
    python: String,
    rust: String,
}

/// What the attacks are after.
struct Target<'a> {
    /// A file that must not come to be.
    file: &'a Path,
    port: u16,
}

fn attacks(target: &Target<'_>) -> Vec<Attack> {
    let (file, port, own) = (target.file.display(), target.port, std::process::id());
    let attack = |what, python: String, rust: String| Attack { what, python, rust };
    let shell = |command: &str| format!("std::process::Command::new(\"/bin/sh\").args([\"-c\", \"{command}\"])");
    vec![
        attack(
            "fork bomb",
            "import os\nwhile True: os.fork()".into(),
            format!("loop {{ {}.spawn().unwrap(); }}", shell("f() {{ f | f; }}; f; sleep 9")),
        ),
        attack(
            "thread bomb",
            "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(9,)).start()".into(),
            "loop { std::thread::spawn(|| std::thread::sleep(std::time::Duration::from_secs(9))); }".into(),
        ),
        attack(
            "10 GB of memory",
            "x = bytearray(10 << 30)\nreturn img".into(),
            "let x = vec![1u8; 10 << 30];\n    img.map(|y| y + f64::from(x[7]))".into(),
        ),
        attack(
            "endless output",
            "import os\nwhile True: os.write(1, b'x' * 65536)".into(),
            "loop { println!(\"{}\", \"x\".repeat(65536)); }".into(),
        ),
        attack("endless loop", "while True: pass".into(), "loop { std::hint::black_box(0); }".into()),
        attack(
            "writes outside its folder",
            format!("open('{file}', 'w').write('x')\nreturn img"),
            format!("std::fs::write(\"{file}\", \"x\").unwrap();\n    img.clone()"),
        ),
        attack(
            "writes into its own folder",
            "import os\nopen(os.path.join(os.path.dirname(__file__), 'grade.txt'), 'w').write('passed')\nreturn img".into(),
            "std::fs::write(\"grade.txt\", \"passed\").unwrap();\n    img.clone()".into(),
        ),
        attack(
            "makes its view writable again",
            format!("import os\nos.system('mount -o remount,bind,rw /; umount -l /tmp; unshare -Urm mount -o remount,bind,rw /')\nopen('{file}', 'w').write('x')\nreturn img"),
            format!("{}.status().unwrap();\n    std::fs::write(\"{file}\", \"x\").unwrap();\n    img.clone()", shell("mount -o remount,bind,rw /; unshare -Urm mount -o remount,bind,rw /")),
        ),
        attack(
            "kills its parent and everything in sight",
            format!("import os\nfor victim in (os.getppid(), {own}, -1):\n    try: os.kill(victim, 9)\n    except OSError: pass\nreturn img"),
            format!("{}.status().unwrap();\n    img.clone()", shell(&format!("kill -9 $PPID {own} 1; kill -9 -1"))),
        ),
        attack(
            "a result of its own on the channel",
            "import __main__ as m\nm.send(b'V', m.value(img), b'\\0' * 12)\nm.send(b'R')\nreturn img".into(),
            "use std::io::Write;\n    let mut channel = std::fs::File::options().write(true).open(\"/dev/fd/4\").unwrap();\n    channel.write_all(&[b'V'; 4096]).unwrap();\n    img.clone()".into(),
        ),
        attack(
            "patches NumPy",
            "np.allclose = np.array_equal = np.testing.assert_allclose = lambda *a, **k: True\nnp.ascontiguousarray = lambda *a: img\nnp.ndarray = type('x', (), {'__eq__': lambda *a: True})\nreturn img".into(),
            "std::panic::set_hook(Box::new(|_| std::process::exit(0)));\n    img.clone()".into(),
        ),
        attack(
            "reads the right answer from its parent",
            format!("import os\nfor process in ({own}, os.getppid()): open(f'/proc/{{process}}/mem', 'rb').read(1)\nreturn img"),
            format!("std::fs::read_to_string(\"/proc/{own}/maps\").unwrap();\n    img.clone()"),
        ),
        attack(
            "calls home",
            format!("import socket\nsocket.create_connection(('127.0.0.1', {port}), 2)\nreturn img"),
            format!("std::net::TcpStream::connect((\"127.0.0.1\", {port})).unwrap();\n    img.clone()"),
        ),
        attack(
            "fills the disk",
            "for n in range(10000): open(f'/tmp/{n}', 'wb').write(bytes(1 << 20))\nreturn img".into(),
            "for n in 0..10000 { std::fs::write(format!(\"/tmp/{n}\"), vec![0; 1 << 20]).unwrap(); }\n    img.clone()".into(),
        ),
        attack(
            "opens files without end",
            "kept = [open('/dev/null') for _ in range(10000)]\nreturn img".into(),
            "let kept: Vec<_> = (0..10000).map(|_| std::fs::File::open(\"/dev/null\").unwrap()).collect();\n    img.map(|x| x + kept.len() as f64)".into(),
        ),
        attack(
            "leaves a program behind",
            "import subprocess\nsubprocess.Popen(['/bin/sh', '-c', 'sleep 40'], start_new_session=True)\nreturn img".into(),
            format!("{}.spawn().unwrap();\n    img.clone()", shell("setsid sleep 40 &")),
        ),
    ]
}

fn check(attack: &Attack, language: Language, protection: Protection) -> Report {
    let source = match language {
        Language::Python => format!(
            "import numpy as np\ndef correlate2d(img, k, border):\n    {}\n",
            attack.python.replace('\n', "\n    ")
        ),
        Language::Rust => format!(
            "use striate_array::Array;\npub fn correlate2d(img: &Array<f64>, _k: &Array<f64>, _border: &str) -> Array<f64> \
             {{\n    {}\n}}\n",
            attack.rust
        ),
    };
    let mut learner = Learner::new("correlate2d", language, &source);
    learner.options.protection = Some(protection);
    learner.options.patience.call = Duration::from_secs(2);
    let report = learner.check();
    assert!(!learner.file().with_file_name("grade.txt").exists(), "{} wrote beside itself", attack.what);
    report
}

/// Before anything is attacked: a program sees neither this process nor a way to become root outside.
fn assert_out_of_sight(protection: Protection) {
    let shown = Attack {
        what: "looks around",
        python: "import os\nraise ValueError(' '.join(n for n in os.listdir('/proc') if n.isdigit()))".into(),
        rust: "let seen: Vec<_> = std::fs::read_dir(\"/proc\").unwrap().flatten().map(|e| e.file_name().into_string().unwrap()).filter(|n| n.parse::<u32>().is_ok()).collect();\n    panic!(\"{}\", seen.join(\" \"))".into(),
    };
    let report = check(&shown, Language::Rust, protection);
    let seen = report.headline.rsplit(": ").next().unwrap_or_default();
    let processes: Vec<u32> = seen.split(' ').map_while(|number| number.parse().ok()).collect();
    assert!((1..10).contains(&processes.len()), "{protection:?}: {report:#?}");
    assert!(!processes.contains(&std::process::id()), "{protection:?}: {report:#?}");
    println!("{}: sees the processes {seen}", protection.id());
}

/// Whether the processes of a program are counted: those of root are by a number of the namespace only, which Linux has
/// since 6.14 and `bwrap` leaves alone.
fn counts_processes(protection: Protection) -> bool {
    let root = std::process::Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    let shown = Attack {
        what: "looks at its limit",
        python: String::new(),
        rust: "panic!(\"{}\", std::fs::read_to_string(\"/proc/sys/kernel/pid_max\").unwrap().trim())".into(),
    };
    let limit = check(&shown, Language::Rust, protection).headline.rsplit(": ").next().map(str::parse::<u64>);
    !root || matches!(limit, Some(Ok(limit)) if limit < 1000)
}

#[test]
fn no_hostile_program_passes_hangs_or_harms() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("harm");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let target = Target { file: &file, port: listener.local_addr().unwrap().port() };
    let apart: Vec<Protection> =
        Protection::ALL.into_iter().filter(|protection| protection.is_apart() && protection.works()).collect();
    if apart.is_empty() {
        eprintln!("SKIPPED: this system allows no namespaces, and without them these programs do harm");
        return;
    }
    for &protection in &apart {
        assert_out_of_sight(protection);
    }
    println!("{:<42}{:<8}{:<12}{:>8}  outcome", "attack", "", "protection", "seconds");
    for attack in attacks(&target) {
        for language in Language::ALL.into_iter().filter(|&language| available(language)) {
            // The second way, where there is one, for the attacks that it has to stop itself.
            let alone = ["bomb", "memory", "output", "loop", "NumPy", "channel", "end"];
            let ways = if alone.iter().any(|word| attack.what.ends_with(word)) { &apart[..1] } else { &apart[..] };
            for &protection in ways {
                if attack.what.ends_with("bomb") && !counts_processes(protection) {
                    println!(
                        "{:<42}{:<8}{:<12}  left out: root's processes are not counted",
                        attack.what,
                        language.id(),
                        protection.id()
                    );
                    continue;
                }
                let started = Instant::now();
                let report = check(&attack, language, protection);
                let seconds = started.elapsed();
                println!(
                    "{:<42}{:<8}{:<12}{:>8.2}  {}: {}",
                    attack.what,
                    language.id(),
                    protection.id(),
                    seconds.as_secs_f64(),
                    report.status.words(),
                    report.headline
                );
                assert!(
                    matches!(report.status, Status::Wrong | Status::Fragile | Status::DoesNotLoad),
                    "{}: {report:#?}",
                    attack.what
                );
                assert!(seconds < NEVER_LONGER, "{} took {seconds:?}", attack.what);
                assert!(!file.exists(), "{} wrote a file", attack.what);
                assert!(listener.accept().is_err(), "{} reached the network", attack.what);
            }
        }
    }
}
