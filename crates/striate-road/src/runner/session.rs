//! One learner's program, running: calls go in, what it did comes out, and nothing it does can hang or harm Striate.

use std::io::{BufReader, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use super::platform::{self, Protection};
use super::wire::{NONCE_LENGTH, Reader, put_text, put_value};
use super::{Call, Place, Stop};
use crate::value::{Callback, Value};

/// A frame longer than this is taken for a broken program.
const MAX_FRAME: u64 = 1 << 30;
/// What is kept of the printing: this much from the start.
const KEPT_OUTPUT: usize = 16 << 10;
/// More printing than this is an endless print.
const MAX_OUTPUT: u64 = 16 << 20;

/// Time limits of a session, and a flag that ends it early.
#[derive(Clone, Debug)]
pub struct Patience {
    /// Wall time for starting and loading the file.
    pub load: Duration,
    /// Wall time for one call.
    pub call: Duration,
    /// When set, the session stops at the next chance.
    pub cancelled: Option<Arc<AtomicBool>>,
}

enum Event {
    Frame(Vec<u8>),
    Closed,
}

#[derive(Default)]
struct Printed {
    text: Mutex<Vec<u8>>,
    total: AtomicU64,
}

impl Printed {
    fn add(&self, bytes: &[u8]) {
        self.total.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let mut text = self.text.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let room = KEPT_OUTPUT.saturating_sub(text.len());
        text.extend(&bytes[..bytes.len().min(room)]);
    }
}

/// A running program.
pub struct Session {
    child: Child,
    requests: Option<ChildStdin>,
    events: Receiver<Event>,
    printed: Arc<Printed>,
    patience: Patience,
    protection: Protection,
    ended: bool,
}

/// What the program answered to a frame.
pub(super) type Answer = Result<Vec<u8>, Stop>;

impl Session {
    /// Starts `command` and gives it its nonce.
    pub(super) fn start(mut command: Command, patience: Patience, protection: Protection) -> std::io::Result<Session> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let nonce = nonce();
        let mut requests = child.stdin.take().expect("standard input is piped");
        // A program that ended at once is noticed when its answer does not come.
        let _ = requests.write_all(&nonce);
        let (sender, events) = channel();
        let printed = Arc::new(Printed::default());
        let answers = child.stdout.take().expect("standard output is piped");
        let errors = child.stderr.take().expect("standard error is piped");
        let noise = Arc::clone(&printed);
        std::thread::spawn(move || read_answers(answers, nonce, &sender, &noise));
        let noise = Arc::clone(&printed);
        std::thread::spawn(move || read_printing(errors, &noise));
        Ok(Session { child, requests: Some(requests), events, printed, patience, protection, ended: false })
    }

    /// Waits for the program's next frame within the time for loading.
    pub(super) fn wait_loaded(&mut self) -> Answer {
        let deadline = Instant::now() + self.patience.load;
        self.wait(deadline)
    }

    /// Sends a frame and waits for the answer within the time for loading.
    pub(super) fn load(&mut self, payload: &[u8]) -> Answer {
        self.send(payload);
        self.wait_loaded()
    }

    /// Calls the learner's function.
    pub fn call(&mut self, call: &Call<'_>) -> Result<Returned, Stop> {
        self.ask(b'C', call)
    }

    /// [`Session::call`] of a program in Python, which keeps the result: see [`Session::kept`].
    pub fn call_and_keep(&mut self, call: &Call<'_>) -> Result<Returned, Stop> {
        self.ask(b'K', call)
    }

    /// The result that is kept, as it is now.
    pub fn kept(&mut self) -> Result<Value, Stop> {
        self.about_kept(b'A')
    }

    /// Changes the arrays and lists of the result that is kept, as a caller may.
    pub fn write_into_kept(&mut self) -> Result<(), Stop> {
        self.about_kept(b'W').map(|_| ())
    }

    fn about_kept(&mut self, frame: u8) -> Result<Value, Stop> {
        let deadline = Instant::now() + self.patience.call;
        self.send(&[frame]);
        let answer = self.wait(deadline)?;
        let mut reader = Reader::new(&answer);
        let value = if reader.byte() == Some(b'V') { reader.value() } else { None };
        value.ok_or(Stop::Crashed(BROKEN_ANSWER.into()))
    }

    fn ask(&mut self, frame: u8, call: &Call<'_>) -> Result<Returned, Stop> {
        let mut functions = Vec::new();
        let mut payload = vec![frame, u8::from(call.strided), u8::from(call.tuple)];
        payload.extend((call.arguments.len() as u32).to_le_bytes());
        call.arguments.iter().for_each(|argument| put_value(&mut payload, argument, &mut functions));
        let deadline = Instant::now() + self.patience.call;
        self.send(&payload);
        loop {
            let answer = self.wait(deadline)?;
            let mut reader = Reader::new(&answer);
            match reader.byte() {
                Some(b'V') => return self.returned(&mut reader).ok_or(Stop::Crashed(BROKEN_ANSWER.into())),
                Some(b'X') => return Err(raised(&mut reader).unwrap_or(Stop::Crashed(BROKEN_ANSWER.into()))),
                Some(b'B') => {
                    let reply = answer_callback(&mut reader, &functions);
                    self.send(&reply);
                }
                _ => return Err(Stop::Crashed(BROKEN_ANSWER.into())),
            }
        }
    }

    fn returned(&self, reader: &mut Reader<'_>) -> Option<Returned> {
        let value = reader.value()?;
        let changed = match reader.number() {
            Some(count) => (0..count).map(|_| reader.number().map(|at| at as usize)).collect::<Option<_>>()?,
            None => Vec::new(),
        };
        Some(Returned { value, changed, seconds: reader.float().unwrap_or_default() })
    }

    /// Seconds that the innermost line of a plain loop takes in this language.
    pub fn naive_step(&mut self) -> Result<f64, Stop> {
        let deadline = Instant::now() + self.patience.call;
        self.send(b"T");
        let answer = self.wait(deadline)?;
        let mut reader = Reader::new(&answer);
        let seconds = if reader.byte() == Some(b'T') { reader.float() } else { None };
        seconds.ok_or(Stop::Crashed(BROKEN_ANSWER.into()))
    }

    /// What the program printed so far.
    pub fn printed(&self) -> String {
        let text = self.printed.text.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut shown = String::from_utf8_lossy(&text).into_owned();
        if self.printed.total.load(Ordering::Relaxed) > KEPT_OUTPUT as u64 {
            shown.push_str("\n[... the rest is left out]");
        }
        shown
    }

    /// What the program printed, once nothing more of it is on its way: it travels beside the answers.
    pub fn printed_by_now(&self) -> String {
        const QUIET: Duration = Duration::from_millis(30);
        let until = Instant::now() + 10 * QUIET;
        let total = || self.printed.total.load(Ordering::Relaxed);
        loop {
            let before = total();
            std::thread::sleep(QUIET);
            if total() == before || Instant::now() > until {
                return self.printed();
            }
        }
    }

    /// Changes the wall time that a call may take.
    pub fn allow(&mut self, call: Duration) {
        self.patience.call = call;
    }

    /// Whether the program can take another call.
    pub fn alive(&self) -> bool {
        !self.ended
    }

    fn send(&mut self, payload: &[u8]) {
        let Some(requests) = &mut self.requests else { return };
        let length = (payload.len() as u64).to_le_bytes();
        // A program that is gone shows when its answer does not come.
        let _ = requests.write_all(&length).and_then(|()| requests.write_all(payload)).and_then(|()| requests.flush());
    }

    fn wait(&mut self, deadline: Instant) -> Answer {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left.min(Duration::from_millis(50))) {
                Ok(Event::Frame(frame)) => return Ok(frame),
                Ok(Event::Closed) | Err(RecvTimeoutError::Disconnected) => return Err(self.died()),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let cancelled = self.patience.cancelled.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed));
            if cancelled {
                self.end();
                return Err(Stop::Cancelled);
            }
            if self.printed.total.load(Ordering::Relaxed) > MAX_OUTPUT {
                self.end();
                return Err(Stop::PrintsWithoutEnd);
            }
            if left.is_zero() {
                self.end();
                return Err(Stop::TimedOut(self.patience.call));
            }
        }
    }

    /// The answers stopped: says why.
    fn died(&mut self) -> Stop {
        self.requests = None;
        let until = Instant::now() + Duration::from_secs(2);
        let status = loop {
            match self.child.try_wait() {
                Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(5)),
                Ok(status) => break status,
                Err(_) => break None,
            }
        };
        // The last words may still be on their way.
        std::thread::sleep(Duration::from_millis(20));
        self.end();
        let printed = self.printed();
        if printed.contains("memory allocation of") && printed.contains("failed") {
            return Stop::OutOfMemory;
        }
        if printed.contains("has overflowed its stack") {
            return Stop::Crashed("it called itself too deeply: the stack overflowed".into());
        }
        Stop::Crashed(match status {
            None => "it closed its connection to Striate".into(),
            Some(status) => match (platform::signal(status), status.code()) {
                (Some(signal), _) => format!("it was ended by {signal}"),
                // The shell between says so of a signal.
                (None, Some(code @ 129..=160)) if self.protection.is_apart() => {
                    format!("it was ended by {}", platform::signal_name(code - 128))
                }
                (None, Some(code)) => format!("it ended the whole program with exit code {code}"),
                (None, None) => "it ended the whole program".into(),
            },
        })
    }

    fn end(&mut self) {
        if !self.ended {
            self.ended = true;
            self.requests = None;
            let _ = platform::kill(&mut self.child);
            let _ = self.child.wait();
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.end();
    }
}

const BROKEN_ANSWER: &str = "it sent an answer that cannot be read";

/// A value and the positions of the arguments that the call changed in place.
#[derive(Clone, Debug, PartialEq)]
pub struct Returned {
    /// The value.
    pub value: Value,
    /// Positions of changed arguments.
    pub changed: Vec<usize>,
    /// How long the call took, as the program measured it.
    pub seconds: f64,
}

fn raised(reader: &mut Reader<'_>) -> Option<Stop> {
    let message = reader.text()?;
    let (file, line) = (reader.text()?, reader.number()?);
    // Python adds the source line and the type of the exception.
    let (code, exception) = match reader.text() {
        Some(code) => (code, reader.text()?),
        None => (String::new(), "panic".to_string()),
    };
    // A panic may point into the standard library, which says nothing to a learner. What comes with its line of source
    // is the learner's, also where it is no file but a cell of a notebook.
    let known = !code.is_empty() || Path::new(&file).is_file();
    let place = (line > 0 && known).then(|| Place { file: file.into(), line, code });
    Some(match exception.as_str() {
        "MemoryError" => Stop::OutOfMemory,
        _ => Stop::Raised { exception, message, place },
    })
}

fn answer_callback(reader: &mut Reader<'_>, functions: &[Callback]) -> Vec<u8> {
    let result = (|| {
        let function = functions.get(reader.number()? as usize)?;
        let argument = reader.value()?;
        Some(match &argument {
            Value::Array(array) if array.element() == crate::exercise::Element::F64 => {
                catch_unwind(AssertUnwindSafe(|| (function.call)(std::slice::from_ref(&argument))))
                    .map_err(|_| format!("{} does not accept an array of shape {:?}", function.name, array.shape()))
            }
            Value::Array(array) => {
                Err(format!("{} takes an array of float64, not of {}", function.name, array.element().numpy_name()))
            }
            _ => Err(format!("{} takes an array of float64", function.name)),
        })
    })();
    let mut reply = Vec::new();
    match result.unwrap_or_else(|| Err("this call cannot be read".into())) {
        Ok(value) => {
            reply.push(b'V');
            put_value(&mut reply, &value, &mut Vec::new());
        }
        Err(text) => {
            reply.push(b'X');
            put_text(&mut reply, &text);
        }
    }
    reply
}

/// Sixteen bytes that a learner's printing will not contain by chance.
fn nonce() -> [u8; NONCE_LENGTH] {
    use std::hash::{BuildHasher, RandomState};

    let mut nonce = [0; NONCE_LENGTH];
    for half in nonce.chunks_exact_mut(8) {
        // Every `RandomState` has keys of its own, drawn from the system.
        half.copy_from_slice(&RandomState::new().hash_one(SystemTime::now()).to_le_bytes());
    }
    nonce
}

fn read_answers(pipe: impl Read, nonce: [u8; NONCE_LENGTH], events: &Sender<Event>, noise: &Printed) {
    let mut pipe = BufReader::new(pipe);
    while let Some(frame) = read_frame(&mut pipe, &nonce, noise) {
        if events.send(Event::Frame(frame)).is_err() {
            return;
        }
    }
    // The receiver may be gone already.
    let _ = events.send(Event::Closed);
}

/// The next frame; what comes before its nonce is noise.
fn read_frame(pipe: &mut impl Read, nonce: &[u8; NONCE_LENGTH], noise: &Printed) -> Option<Vec<u8>> {
    let mut window = [0; NONCE_LENGTH];
    pipe.read_exact(&mut window).ok()?;
    while window != *nonce {
        noise.add(&window[..1]);
        window.copy_within(1.., 0);
        pipe.read_exact(&mut window[NONCE_LENGTH - 1..]).ok()?;
    }
    let mut length = [0; 8];
    pipe.read_exact(&mut length).ok()?;
    let length = u64::from_le_bytes(length);
    if length > MAX_FRAME {
        return None;
    }
    let mut frame = Vec::new();
    let read = pipe.take(length).read_to_end(&mut frame).ok()?;
    (read as u64 == length).then_some(frame)
}

fn read_printing(mut pipe: impl Read, printed: &Printed) {
    let mut bytes = [0; 8192];
    while let Ok(count) = pipe.read(&mut bytes) {
        if count == 0 {
            return;
        }
        printed.add(&bytes[..count]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printing_between_frames_is_noise() {
        let nonce = *b"0123456789abcdef";
        let mut stream = b"hello 0123456789 ".to_vec();
        stream.extend(nonce);
        stream.extend(3u64.to_le_bytes());
        stream.extend(b"abc");
        stream.extend(b"tail");
        let noise = Printed::default();
        let mut pipe = &stream[..];
        assert_eq!(read_frame(&mut pipe, &nonce, &noise).as_deref(), Some(&b"abc"[..]));
        assert_eq!(read_frame(&mut pipe, &nonce, &noise), None);
        assert_eq!(*noise.text.lock().unwrap(), b"hello 0123456789 ");
    }

    #[test]
    fn nonces_differ() {
        assert_ne!(nonce(), nonce());
    }
}
