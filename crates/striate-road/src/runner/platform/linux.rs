//! Namespaces: a program that sees no network, no other process, and files that it cannot change.
//!
//! Both ways give the same view. `/` and all that is mounted on it is read-only; `/tmp`, `/var/tmp` and `/run`, where
//! sockets of the user's other programs lie, are empty and private, and so are the devices but for a few harmless ones. The
//! learner's folders and the interpreter are put back, should they lie under one of those.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::{Limits, limits_script, start_script};

/// Folders that are replaced by empty ones.
const HIDDEN: [&str; 3] = ["/tmp", "/var/tmp", "/run"];
/// Another such folder; it is replaced with the devices.
const SHARED_MEMORY: &str = "/dev/shm";
/// The smallest number of processes that the system lets a namespace be limited to.
const FEWEST: u64 = 310;

/// The command with namespaces made by `unshare`, and all capabilities given up before the program starts.
pub fn unshared(program: &OsStr, limits: &Limits, keep_channel: bool, folders: &[&Path]) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c");
    command.arg(
        "PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH; exec unshare --user --map-root-user --mount --net --pid --ipc --uts \
         --fork --kill-child -- /bin/sh -c \"$@\"",
    );
    command.arg("sh").arg(setup(limits, program, folders)).arg("sh").arg(inner(limits, keep_channel)).arg(program);
    finish(command, keep_channel)
}

/// The command with namespaces made by `bwrap`; none where it is not installed.
pub fn bubblewrapped(program: &OsStr, limits: &Limits, keep_channel: bool, folders: &[&Path]) -> Option<Command> {
    let mut command = Command::new(crate::runner::on_path("bwrap")?);
    command.args(["--unshare-all", "--die-with-parent", "--cap-drop", "ALL", "--ro-bind", "/", "/"]);
    command.args(["--dev", "/dev", "--proc", "/proc", "--tmpfs", "/sys"]);
    for hidden in existing() {
        if knows_sizes() {
            command.args(["--size", "67108864"]);
        }
        command.arg("--tmpfs").arg(hidden);
    }
    for kept in kept(program, folders) {
        command.arg("--ro-bind").arg(&kept).arg(&kept);
    }
    command.arg("--chdir").arg(first(folders)).args(["--", "/bin/sh", "-c"]).arg(inner(limits, keep_channel));
    command.arg("sh").arg(program);
    Some(finish(command, keep_channel))
}

/// Whether this `bwrap` can limit the size of a folder in memory: since version 0.7.
fn knows_sizes() -> bool {
    static KNOWS: OnceLock<bool> = OnceLock::new();
    *KNOWS.get_or_init(|| {
        let output = Command::new("bwrap").arg("--version").output().map(|output| output.stdout).unwrap_or_default();
        let text = String::from_utf8_lossy(&output).into_owned();
        let version = text.split_whitespace().last().unwrap_or_default();
        let mut numbers = version.split('.').map_while(|number| number.parse::<u32>().ok());
        (numbers.next(), numbers.next()) >= (Some(0), Some(7))
    })
}

fn finish(mut command: Command, keep_channel: bool) -> Command {
    command.process_group(0).env("TMPDIR", "/tmp");
    if keep_channel {
        command.env("STRIATE_CHANNEL_MOVED", "1");
    }
    command
}

/// What runs in the namespaces, as the last thing before the program.
fn inner(limits: &Limits, keep_channel: bool) -> String {
    // The first to go when memory runs out.
    let volunteer = "echo 1000 2>/dev/null >/proc/self/oom_score_adj; ";
    format!("{volunteer}{}{}", limits_script(limits, processes(limits)), start_script(keep_channel))
}

/// Since Linux 5.14 a namespace counts its own processes; before, all of the user's count.
fn processes(limits: &Limits) -> u64 {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split('.').map_while(|number| number.parse::<u64>().ok());
    let counts_apart = (numbers.next(), numbers.next()) >= (Some(5), Some(14));
    if counts_apart { limits.processes } else { limits.processes.max(4096) }
}

fn existing() -> impl Iterator<Item = &'static Path> {
    HIDDEN.into_iter().map(Path::new).filter(|folder| folder.is_dir() && !folder.is_symlink())
}

/// The folder that the program runs in.
fn first<'a>(folders: &[&'a Path]) -> &'a Path {
    folders.first().copied().unwrap_or(Path::new("/"))
}

/// Whether this is one of the folders that are replaced.
pub fn is_hidden(folder: &Path) -> bool {
    HIDDEN.iter().chain(&[SHARED_MEMORY]).any(|hidden| folder == Path::new(hidden))
}

/// Folders, and files, under the hidden ones that the program needs.
fn kept(program: &OsStr, folders: &[&Path]) -> Vec<PathBuf> {
    let program = Path::new(program);
    let real = program.canonicalize().unwrap_or_else(|_| program.to_path_buf());
    // A program in bin/ needs what lies beside bin/: the libraries of an interpreter.
    let around = |program: &Path| {
        let own = program.parent()?;
        let whole = own.file_name().is_some_and(|name| name == "bin");
        Some(if whole { own.parent()? } else { own }.to_path_buf())
    };
    let under_hidden = |path: &PathBuf| {
        !is_hidden(path) && HIDDEN.iter().chain(&[SHARED_MEMORY]).any(|hidden| path.starts_with(hidden))
    };
    let mut kept: Vec<PathBuf> = folders
        .iter()
        .map(|folder| folder.to_path_buf())
        .chain([around(program), around(&real)].into_iter().flatten())
        .filter(under_hidden)
        .collect();
    kept.sort();
    // What lies in a folder that is kept comes with it.
    kept.dedup_by(|later, earlier| later.starts_with(&*earlier));
    kept
}

/// The script that makes the view, as the first process of the namespaces, and then waits for the program.
fn setup(limits: &Limits, program: &OsStr, folders: &[&Path]) -> OsString {
    let kept = kept(program, folders);
    let mut script = Vec::new();
    let mut add = |parts: &[&[u8]]| {
        parts.iter().for_each(|part| script.extend_from_slice(part));
        script.push(b'\n');
    };
    add(&[b"set -e\nmount -t proc -o nosuid,nodev,noexec proc /proc"]);
    let pids = limits.processes.max(FEWEST);
    // Older systems have one number for all namespaces, which may not be changed here.
    add(&[format!("{{ echo {pids} >/proc/sys/kernel/pid_max; }} 2>/dev/null || :").as_bytes()]);
    for (path, options) in writable_mounts(&kept) {
        add(&[b"mount -o remount,bind,ro,", options.as_bytes(), b" ", &quoted(&path)]);
    }
    // /sys is hidden, and until then the place where things are kept while their own places are hidden.
    add(&[b"mount -t tmpfs -o nosuid,nodev,mode=755,size=1m tmpfs /sys\nmkdir /sys/dev"]);
    let put = |path: &Path| if path.is_dir() { &b"mkdir -p "[..] } else { b": >" };
    for (at, path) in kept.iter().enumerate() {
        let place = format!("/sys/kept{at}");
        add(&[put(path), place.as_bytes(), b"\nmount --rbind ", &quoted(path), b" ", place.as_bytes()]);
    }
    add(&[
        b"for name in null zero full random urandom; do : >/sys/dev/$name; mount --bind /dev/$name /sys/dev/$name; done\n\
          ln -s /proc/self/fd /sys/dev/fd\nmkdir /sys/dev/shm\nmount --rbind /sys/dev /dev\n\
          mount -t tmpfs -o nosuid,nodev,size=64m tmpfs /dev/shm",
    ]);
    for hidden in existing() {
        add(&[b"mount -t tmpfs -o nosuid,nodev,mode=1777,size=64m tmpfs ", &quoted(hidden)]);
    }
    for (at, path) in kept.iter().enumerate() {
        let place = format!("/sys/kept{at}");
        add(&[b"mkdir -p ", &quoted(path.parent().unwrap_or(path))]);
        add(&[put(path), &quoted(path), b"\nmount --rbind ", place.as_bytes(), b" ", &quoted(path)]);
    }
    add(&[
        b"mount -o remount,ro,nosuid,nodev,mode=755,size=1m /sys\ncd ",
        &quoted(first(folders)),
        b"\nset +e\nsetpriv --no-new-privs --bounding-set=-all --inh-caps=-all -- /bin/sh -c \"$@\"\nexit $?",
    ]);
    // The words that follow the script are its $1 (what runs inside) and the program with its arguments.
    let head = b"inner=$1; shift; set -- \"$inner\" sh \"$@\"\n";
    OsString::from_vec([&head[..], &script].concat())
}

/// What is mounted writable and stays in sight, with the options that a new mount must keep.
fn writable_mounts(kept: &[PathBuf]) -> Vec<(PathBuf, String)> {
    let table = fs::read("/proc/self/mountinfo").unwrap_or_default();
    let mount = |line: &[u8]| {
        let mut fields = line.split(|&byte| byte == b' ').skip(4);
        let path = PathBuf::from(OsString::from_vec(unescaped(fields.next()?)));
        let options = String::from_utf8_lossy(fields.next()?).into_owned();
        let hidden = ["/proc", "/sys", "/dev"].iter().chain(&HIDDEN).any(|hidden| path.starts_with(hidden));
        let hidden = hidden && !kept.iter().any(|kept| kept.starts_with(&path));
        let mut options: Vec<&str> = options.split(',').collect();
        let writable = options.contains(&"rw");
        options.retain(|option| !matches!(*option, "rw" | "ro"));
        (writable && !hidden).then(|| (path, options.join(",")))
    };
    table.split(|&byte| byte == b'\n').filter_map(mount).collect()
}

/// A path of the mount table, in which blanks and the like are written as three octal digits.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        let code = tail.get(..3).and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        match (byte, code) {
            (b'\\', Some(code)) => {
                out.push(code);
                rest = &tail[3..];
            }
            _ => {
                out.push(byte);
                rest = tail;
            }
        }
    }
    out
}

/// A path as one word of the shell.
fn quoted(path: &Path) -> Vec<u8> {
    let mut out = vec![b'\''];
    for &byte in path.as_os_str().as_bytes() {
        if byte == b'\'' { out.extend_from_slice(b"'\\''") } else { out.push(byte) }
    }
    out.push(b'\'');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_survive_the_mount_table_and_the_shell() {
        assert_eq!(unescaped(b"/media/My\\040Disk\\134x"), b"/media/My Disk\\x");
        assert_eq!(quoted(Path::new("/a b/it's")), b"'/a b/it'\\''s'");
    }

    #[test]
    fn what_lies_under_a_hidden_folder_is_kept() {
        let folders = ["/tmp/work/it's here", "/dev/shm/course", "/tmp/work/it's here/too", "/home/course", "/tmp"];
        let kept = kept(OsStr::new("/tmp/venv/bin/python"), &folders.map(Path::new));
        assert_eq!(kept, ["/dev/shm/course", "/tmp/venv", "/tmp/work/it's here"].map(Path::new));
        assert!(is_hidden(Path::new("/tmp")) && !is_hidden(Path::new("/tmp/work")));
    }
}
