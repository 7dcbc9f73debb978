//! What only one system has: limits on a child process, keeping it apart, and ending it with everything it started.
//!
//! On Unix a shell sets the limits (`ulimit`) before it becomes the learner's program, the program leads its own
//! process group, and the group is killed as a whole. On Linux it also gets namespaces of its own where the system allows
//! them: see [`Protection`]. Elsewhere there is the time limit that Striate keeps itself and the end of the program
//! alone; memory, processor time and file sizes are then not limited.

#[cfg(target_os = "linux")]
mod linux;

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

/// What a learner's program may use.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Address space in bytes.
    pub memory_bytes: u64,
    /// Processor time in seconds, for the whole session.
    pub cpu_seconds: u64,
    /// Size of a file it writes, in bytes.
    pub file_bytes: u64,
    /// Files that it has open at a time.
    pub files: u64,
    /// Processes and threads of its own, where they can be counted apart from the user's others.
    pub processes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { memory_bytes: 4 << 30, cpu_seconds: 120, file_bytes: 64 << 20, files: 256, processes: 128 }
    }
}

/// How a learner's program is kept apart from the rest of the machine, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protection {
    /// Linux namespaces, made with `unshare`.
    Namespaces,
    /// Linux namespaces, made with `bwrap`.
    Bubblewrap,
    /// Limits on memory, processor time, files and output.
    Limits,
    /// A limit on wall time and output.
    Time,
}

impl Protection {
    /// Every protection, the strongest first.
    pub const ALL: [Protection; 4] =
        [Protection::Namespaces, Protection::Bubblewrap, Protection::Limits, Protection::Time];

    /// The strongest that works here, tried once.
    pub fn active() -> Protection {
        static ACTIVE: OnceLock<Protection> = OnceLock::new();
        *ACTIVE.get_or_init(|| Self::ALL.into_iter().find(|protection| protection.works()).unwrap_or(Protection::Time))
    }

    /// Whether this one works here: a program that does nothing is run under it.
    pub fn works(self) -> bool {
        match self {
            Protection::Namespaces | Protection::Bubblewrap => {
                let nothing = OsStr::new(if cfg!(unix) { "/bin/true" } else { "" });
                let Some(mut command) = self.apart(nothing, &Limits::default(), false, &[Path::new("/")]) else {
                    return false;
                };
                let null = std::process::Stdio::null;
                command.stdin(null()).stdout(null()).stderr(null());
                command.status().is_ok_and(|status| status.success())
            }
            Protection::Limits => cfg!(unix),
            Protection::Time => true,
        }
    }

    /// Whether the program runs in namespaces of its own.
    pub fn is_apart(self) -> bool {
        matches!(self, Protection::Namespaces | Protection::Bubblewrap)
    }

    /// `namespaces`, `bubblewrap`, `limits` or `time`.
    pub fn id(self) -> &'static str {
        match self {
            Protection::Namespaces => "namespaces",
            Protection::Bubblewrap => "bubblewrap",
            Protection::Limits => "limits",
            Protection::Time => "time",
        }
    }

    /// What it does, in a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Protection::Namespaces | Protection::Bubblewrap => {
                "programs run apart: no network, your files read-only, a folder for temporary files that is thrown away, no \
                 other process in sight; limits on time, memory, output, processes and files"
            }
            Protection::Limits => {
                "limits on time, memory, output, processor time and files; a program could still use the network and \
                 change your files"
            }
            Protection::Time => {
                "limits on time and output; a program could still use the network and change your files"
            }
        }
    }

    /// How to get a stronger one, where there is one.
    pub fn advice(self) -> Option<&'static str> {
        match self {
            Protection::Namespaces | Protection::Bubblewrap => None,
            _ if cfg!(target_os = "linux") => Some(
                "install bubblewrap (apt install bubblewrap, dnf install bubblewrap); inside a container, allow user \
                 namespaces",
            ),
            _ => Some("check only programs that you trust; on Linux they run apart"),
        }
    }

    #[cfg(target_os = "linux")]
    fn apart(self, program: &OsStr, limits: &Limits, keep_channel: bool, folders: &[&Path]) -> Option<Command> {
        match self {
            Protection::Namespaces => Some(linux::unshared(program, limits, keep_channel, folders)),
            Protection::Bubblewrap => linux::bubblewrapped(program, limits, keep_channel, folders),
            Protection::Limits | Protection::Time => None,
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn apart(self, _: &OsStr, _: &Limits, _: bool, _: &[&Path]) -> Option<Command> {
        None
    }

    /// Whether a program that is kept apart can see what lies in `folder`: not in a folder for temporary files as a whole,
    /// of which it has one of its own, but in any folder below it.
    pub fn shows(self, folder: &Path) -> bool {
        #[cfg(target_os = "linux")]
        let hidden = self.is_apart() && linux::is_hidden(folder);
        #[cfg(not(target_os = "linux"))]
        let hidden = self.is_apart() && folder.as_os_str().is_empty();
        !hidden
    }

    /// A command that runs `program` in the first of `folders`, kept apart and under `limits`; it can read what is in the
    /// others too, wherever they lie. `keep_channel` moves standard input and output to descriptors 3 and 4 for programs
    /// that cannot do so themselves, and says so in `STRIATE_CHANNEL_MOVED`.
    pub fn command(self, program: &OsStr, limits: &Limits, keep_channel: bool, folders: &[&Path]) -> Command {
        let mut command = self
            .apart(program, limits, keep_channel, folders)
            .unwrap_or_else(|| limited_command(program, limits, keep_channel));
        if let Some(folder) = folders.first() {
            command.current_dir(folder);
        }
        // What leads to the user's other programs.
        for name in ["SSH_AUTH_SOCK", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "DISPLAY", "WAYLAND_DISPLAY"] {
            command.env_remove(name);
        }
        command
    }
}

/// The shell's words that set the limits; what this system's shell does not know is left out, and the time limit of the
/// session always holds.
#[cfg(unix)]
fn limits_script(limits: &Limits, processes: u64) -> String {
    let Limits { memory_bytes, cpu_seconds, file_bytes, files, .. } = limits;
    // Of processor time the soft limit comes first: its signal has a name that can be told.
    format!(
        "{{ ulimit -c 0; ulimit -S -t {cpu_seconds}; ulimit -H -t {}; ulimit -v {}; ulimit -f {}; ulimit -n {files}; \
         ulimit -u {processes} || ulimit -p {processes}; }} 2>/dev/null; ",
        cpu_seconds + 5,
        memory_bytes / 1024,
        file_bytes / 512,
    )
}

/// The shell's words that start the program with its arguments.
#[cfg(unix)]
fn start_script(keep_channel: bool) -> &'static str {
    if keep_channel { "exec \"$@\" 3<&0 4>&1 </dev/null 1>&2" } else { "exec \"$@\"" }
}

/// A command that runs `program` under `limits`, not kept apart.
#[cfg(unix)]
pub fn limited_command(program: &OsStr, limits: &Limits, keep_channel: bool) -> Command {
    use std::os::unix::process::CommandExt;

    /// All processes of the user are counted here, among them a desktop's.
    const WITH_ALL_OTHERS: u64 = 4096;
    let script = limits_script(limits, WITH_ALL_OTHERS.max(limits.processes)) + start_script(keep_channel);
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(script).arg("sh").arg(program).process_group(0);
    if keep_channel {
        command.env("STRIATE_CHANNEL_MOVED", "1");
    }
    command
}

/// See the Unix version; here nothing is limited and the channel stays where it is.
#[cfg(not(unix))]
pub fn limited_command(program: &OsStr, _limits: &Limits, _keep_channel: bool) -> Command {
    Command::new(program)
}

/// Ends the program and all that it started.
#[cfg(unix)]
pub fn kill(child: &mut Child) -> io::Result<()> {
    let group = rustix::process::Pid::from_child(child);
    // The group may be gone already; then there is nothing left to end.
    let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    child.kill()
}

/// Ends the program.
#[cfg(not(unix))]
pub fn kill(child: &mut Child) -> io::Result<()> {
    child.kill()
}

/// The name of the signal that ended the program, if one did.
#[cfg(unix)]
pub fn signal(status: std::process::ExitStatus) -> Option<String> {
    use std::os::unix::process::ExitStatusExt;

    status.signal().map(signal_name)
}

/// The name of the signal that ended the program: this system has none.
#[cfg(not(unix))]
pub fn signal(_status: std::process::ExitStatus) -> Option<String> {
    None
}

/// A signal in words.
pub fn signal_name(number: i32) -> String {
    match number {
        4 => "an illegal instruction".to_string(),
        6 => "an abort".to_string(),
        7 | 10 => "a bus error".to_string(),
        8 => "an arithmetic exception".to_string(),
        9 => "a kill signal (the system may have run out of memory)".to_string(),
        11 => "a segmentation fault".to_string(),
        24 => "the limit on processor time".to_string(),
        25 => "the limit on file sizes".to_string(),
        _ => format!("signal {number}"),
    }
}
