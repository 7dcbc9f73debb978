//! What only one system has: limits on a child process and ending it with everything it started.
//!
//! On Unix a shell sets the limits (`ulimit`) before it becomes the learner's program, the program leads its own
//! process group, and the group is killed as a whole. Elsewhere there is the time limit that Striate keeps itself and
//! the end of the program alone; memory, processor time and file sizes are then not limited.

use std::ffi::OsStr;
use std::io;
use std::process::{Child, Command};

/// What a learner's program may use.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Address space in bytes.
    pub memory_bytes: u64,
    /// Processor time in seconds, for the whole session.
    pub cpu_seconds: u64,
    /// Size of a file it writes, in bytes.
    pub file_bytes: u64,
    /// Processes of the user, beyond which no new one starts.
    pub processes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { memory_bytes: 4 << 30, cpu_seconds: 120, file_bytes: 64 << 20, processes: 4096 }
    }
}

/// A command that runs `program` under `limits`. `keep_channel` moves standard input and output to descriptors 3 and
/// 4 for programs that cannot do so themselves, and says so in `STRIATE_CHANNEL_MOVED`.
#[cfg(unix)]
pub fn limited_command(program: &OsStr, limits: &Limits, keep_channel: bool) -> Command {
    use std::os::unix::process::CommandExt;

    let Limits { memory_bytes, cpu_seconds, file_bytes, processes } = limits;
    // A limit that this system's shell does not know is left out; the time limit of the session always holds.
    let mut script = format!(
        "ulimit -S -c 0; ulimit -S -t {cpu_seconds}; ulimit -S -v {}; ulimit -S -f {}; \
         ulimit -S -u {processes} || ulimit -S -p {processes}; ",
        memory_bytes / 1024,
        file_bytes / 512,
    );
    script = format!("{{ {script} }} 2>/dev/null; ");
    script.push_str(if keep_channel { "exec \"$@\" 3<&0 4>&1 </dev/null 1>&2" } else { "exec \"$@\"" });
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

    status.signal().map(|number| match number {
        4 => "an illegal instruction".to_string(),
        6 => "an abort".to_string(),
        7 | 10 => "a bus error".to_string(),
        8 => "an arithmetic exception".to_string(),
        9 => "a kill signal (the system may have run out of memory)".to_string(),
        11 => "a segmentation fault".to_string(),
        24 => "the limit on processor time".to_string(),
        25 => "the limit on file sizes".to_string(),
        _ => format!("signal {number}"),
    })
}

/// The name of the signal that ended the program: this system has none.
#[cfg(not(unix))]
pub fn signal(_status: std::process::ExitStatus) -> Option<String> {
    None
}
