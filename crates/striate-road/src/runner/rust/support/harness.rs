//! The other end of the pipe to Striate: reads calls, runs the learner's function, writes what it did.
//! The format is described in Striate's `runner/wire.rs`.

use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::fs::File;
use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::process::exit;
use std::time::Instant;

use super::Array;

const NONE: u8 = 0;
const BOOL: u8 = 1;
const INT: u8 = 2;
const FLOAT: u8 = 3;
const TEXT: u8 = 4;
const ARRAY: u8 = 5;
const TUPLE: u8 = 6;
const FUNCTION: u8 = 7;

/// What stands before the arguments of a call: `C`, two bytes that concern Python only, the number of arguments.
const CALL_HEADER: usize = 7;

struct Channel {
    input: Box<dyn Read>,
    output: Box<dyn Write>,
    nonce: [u8; 16],
}

impl Channel {
    fn receive(&mut self) -> Option<Vec<u8>> {
        let mut length = [0; 8];
        self.input.read_exact(&mut length).ok()?;
        let mut frame = vec![0; u64::from_le_bytes(length) as usize];
        self.input.read_exact(&mut frame).ok()?;
        Some(frame)
    }

    fn send(&mut self, payload: &[u8]) {
        let mut frame = self.nonce.to_vec();
        frame.extend((payload.len() as u64).to_le_bytes());
        frame.extend(payload);
        if self.output.write_all(&frame).and_then(|()| self.output.flush()).is_err() {
            exit(0); // Striate has gone.
        }
    }
}

#[derive(Default)]
struct Panic {
    message: String,
    file: String,
    line: u32,
}

thread_local! {
    static CHANNEL: RefCell<Option<Channel>> = const { RefCell::new(None) };
    static PANIC: RefCell<Panic> = RefCell::new(Panic::default());
}

fn receive() -> Vec<u8> {
    match CHANNEL.with_borrow_mut(|channel| channel.as_mut().and_then(Channel::receive)) {
        Some(frame) => frame,
        None => exit(0),
    }
}

fn send(payload: &[u8]) {
    CHANNEL.with_borrow_mut(|channel| {
        if let Some(channel) = channel {
            channel.send(payload);
        }
    });
}

/// Serves calls until Striate hangs up.
pub fn serve(call: &dyn Fn(&mut Reader) -> Vec<u8>) {
    // Striate's shell moved the pipes to 3 and 4, out of the way of whatever the learner reads and prints.
    let moved = std::env::var_os("STRIATE_CHANNEL_MOVED").is_some();
    let open = |path: &str, write: bool| File::options().read(!write).write(write).open(path).ok();
    let mut channel = match moved.then(|| (open("/dev/fd/3", false), open("/dev/fd/4", true))) {
        Some((Some(input), Some(output))) => {
            Channel { input: Box::new(input), output: Box::new(output), nonce: [0; 16] }
        }
        _ => Channel { input: Box::new(std::io::stdin()), output: Box::new(std::io::stdout()), nonce: [0; 16] },
    };
    if channel.input.read_exact(&mut channel.nonce).is_err() {
        return;
    }
    CHANNEL.set(Some(channel));
    std::panic::set_hook(Box::new(note_panic));
    send(b"R");
    loop {
        let frame = receive();
        if frame.first() == Some(&b'T') {
            send(&[&b"T"[..], &plain_loop().to_le_bytes()].concat());
            continue;
        }
        let start = Instant::now();
        let reply = catch_unwind(AssertUnwindSafe(|| call(&mut Reader { bytes: &frame, position: CALL_HEADER })));
        let seconds = start.elapsed().as_secs_f64();
        let _ = std::io::stdout().flush();
        match reply {
            // No argument can be changed.
            Ok(value) => send(&[b"V", &value[..], &0u32.to_le_bytes(), &seconds.to_le_bytes()].concat()),
            Err(_) => PANIC.with_borrow(|panic| {
                let mut payload = b"X".to_vec();
                put_text(&mut payload, &panic.message);
                put_text(&mut payload, &panic.file);
                payload.extend(panic.line.to_le_bytes());
                send(&payload);
            }),
        }
    }
}

/// Seconds of one step of a plain loop over arrays: the best of a few.
fn plain_loop() -> f64 {
    let (rows, columns) = (200, 300);
    let (one, other) = (Array::full(&[rows, columns], 1.0), Array::full(&[columns, rows], 1.0));
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let start = Instant::now();
        let mut total = 0.0;
        for i in 0..rows {
            for j in 0..columns {
                total += one[[i, j]] * other[[j, i]];
            }
        }
        std::hint::black_box(total);
        best = best.min(start.elapsed().as_secs_f64() / (rows * columns) as f64);
    }
    best
}

fn note_panic(info: &PanicHookInfo<'_>) {
    let payload = info.payload();
    let message = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => text.to_string(),
        (_, Some(text)) => text.clone(),
        _ => "a panic without a text".to_string(),
    };
    let place = info.location().map(|place| (place.file().to_string(), place.line()));
    // The program runs in the learner's folder. A panic of the standard library (a sum that overflows, say) lies
    // elsewhere; the learner's line is then further up the stack.
    let own = std::env::current_dir().map(|folder| folder.display().to_string()).unwrap_or_default();
    let is_own = |file: &str| !own.is_empty() && file.starts_with(&own);
    let (file, line) =
        place.filter(|(file, _)| is_own(file)).or_else(|| caller(is_own)).unwrap_or((String::new(), 0));
    PANIC.set(Panic { message, file, line });
}

/// The innermost place on the stack whose file passes: from lines like `at /folder/file.rs:12:5`.
fn caller(is_own: impl Fn(&str) -> bool) -> Option<(String, u32)> {
    // The alternate form gives whole paths.
    let trace = format!("{:#}", Backtrace::force_capture());
    trace.lines().find_map(|line| {
        let mut parts = line.trim().strip_prefix("at ")?.rsplitn(3, ':');
        let (_column, line, file) = (parts.next()?, parts.next()?, parts.next()?);
        is_own(file).then_some((file.to_string(), line.parse().ok()?))
    })
}

/// Reads the arguments of one call.
pub struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let taken = &self.bytes[self.position..self.position + count];
        self.position += count;
        taken
    }

    fn word(&mut self) -> [u8; 8] {
        self.take(8).try_into().expect("eight bytes")
    }

    /// The next argument.
    pub fn next<T: Wire>(&mut self) -> T {
        T::get(self)
    }

    /// The next argument, a function that runs in Striate.
    pub fn next_function(&mut self) -> impl Fn(&Array<f64>) -> Array<f64> + use<> {
        assert_eq!(self.take(1)[0], FUNCTION);
        let id: [u8; 4] = self.take(4).try_into().expect("four bytes");
        String::get_body(self);
        move |argument| {
            let mut payload = b"B".to_vec();
            payload.extend(id);
            argument.put(&mut payload);
            send(&payload);
            let reply = receive();
            let mut reader = Reader { bytes: &reply, position: 1 };
            match reply.first() {
                Some(b'V') => reader.next(),
                _ => panic!("{}", String::get_body(&mut reader)),
            }
        }
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

/// The bytes of a result.
pub fn encode<T: Wire>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.put(&mut bytes);
    bytes
}

/// A value that travels.
pub trait Wire {
    /// Reads it.
    fn get(reader: &mut Reader) -> Self;
    /// Writes it.
    fn put(&self, out: &mut Vec<u8>);
}

impl Wire for () {
    fn get(reader: &mut Reader) {
        assert_eq!(reader.take(1)[0], NONE);
    }
    fn put(&self, out: &mut Vec<u8>) {
        out.push(NONE);
    }
}

impl Wire for bool {
    fn get(reader: &mut Reader) -> Self {
        assert_eq!(reader.take(1)[0], BOOL);
        reader.take(1)[0] != 0
    }
    fn put(&self, out: &mut Vec<u8>) {
        out.extend([BOOL, u8::from(*self)]);
    }
}

impl Wire for i64 {
    fn get(reader: &mut Reader) -> Self {
        assert_eq!(reader.take(1)[0], INT);
        i64::from_le_bytes(reader.word())
    }
    fn put(&self, out: &mut Vec<u8>) {
        out.push(INT);
        out.extend(self.to_le_bytes());
    }
}

impl Wire for f64 {
    fn get(reader: &mut Reader) -> Self {
        assert_eq!(reader.take(1)[0], FLOAT);
        f64::from_le_bytes(reader.word())
    }
    fn put(&self, out: &mut Vec<u8>) {
        out.push(FLOAT);
        out.extend(self.to_le_bytes());
    }
}

trait TextBody {
    fn get_body(reader: &mut Reader) -> String;
}

impl TextBody for String {
    fn get_body(reader: &mut Reader) -> String {
        let length = u64::from_le_bytes(reader.word()) as usize;
        String::from_utf8_lossy(reader.take(length)).into_owned()
    }
}

impl Wire for String {
    fn get(reader: &mut Reader) -> Self {
        assert_eq!(reader.take(1)[0], TEXT);
        Self::get_body(reader)
    }
    fn put(&self, out: &mut Vec<u8>) {
        out.push(TEXT);
        put_text(out, self);
    }
}

/// An element type of an array that travels.
pub trait Item: Copy {
    /// Its number on the wire.
    const CODE: u8;
    /// Its size in bytes.
    const SIZE: usize;
    /// From little-endian bytes.
    fn read(bytes: &[u8]) -> Self;
    /// To little-endian bytes.
    fn write(self, out: &mut Vec<u8>);
}

macro_rules! item {
    ($type:ty, $code:expr) => {
        impl Item for $type {
            const CODE: u8 = $code;
            const SIZE: usize = size_of::<$type>();
            fn read(bytes: &[u8]) -> Self {
                Self::from_le_bytes(bytes.try_into().expect("the size of one element"))
            }
            fn write(self, out: &mut Vec<u8>) {
                out.extend(self.to_le_bytes());
            }
        }
    };
}

item!(f64, 0);
item!(f32, 1);
item!(i64, 2);
item!(u8, 3);

impl Item for bool {
    const CODE: u8 = 4;
    const SIZE: usize = 1;
    fn read(bytes: &[u8]) -> Self {
        bytes[0] != 0
    }
    fn write(self, out: &mut Vec<u8>) {
        out.push(u8::from(self));
    }
}

impl<T: Item> Wire for Array<T> {
    fn get(reader: &mut Reader) -> Self {
        let head = reader.take(3);
        assert_eq!((head[0], head[1]), (ARRAY, T::CODE));
        let shape: Vec<usize> = (0..head[2]).map(|_| u64::from_le_bytes(reader.word()) as usize).collect();
        let count: usize = shape.iter().product();
        let data = reader.take(count * T::SIZE).chunks_exact(T::SIZE).map(T::read).collect();
        Array::from_vec(&shape, data)
    }
    fn put(&self, out: &mut Vec<u8>) {
        out.extend([ARRAY, T::CODE, self.ndim() as u8]);
        for &length in self.shape() {
            out.extend((length as u64).to_le_bytes());
        }
        for &element in self.data() {
            element.write(out);
        }
    }
}

macro_rules! tuple {
    ($count:expr; $($name:ident $place:tt),+) => {
        impl<$($name: Wire),+> Wire for ($($name,)+) {
            fn get(reader: &mut Reader) -> Self {
                assert_eq!(reader.take(1)[0], TUPLE);
                reader.take(4);
                ($(<$name as Wire>::get(reader),)+)
            }
            fn put(&self, out: &mut Vec<u8>) {
                out.push(TUPLE);
                out.extend(($count as u32).to_le_bytes());
                $(self.$place.put(out);)+
            }
        }
    };
}

tuple!(1; A 0);
tuple!(2; A 0, B 1);
tuple!(3; A 0, B 1, C 2);
tuple!(4; A 0, B 1, C 2, D 3);
tuple!(5; A 0, B 1, C 2, D 3, E 4);
tuple!(6; A 0, B 1, C 2, D 3, E 4, F 5);
