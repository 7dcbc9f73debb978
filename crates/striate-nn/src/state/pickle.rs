//! A reader of Python's pickle format that can hold weights and nothing else.
//!
//! A pickle is a program for a stack machine, and Python's own reader runs whatever function it names. This one knows a
//! dozen names, all harmless, and refuses every other before anything else happens. Its objects lie in one list and point
//! to each other by index: a file that is deeply nested or refers to itself costs neither stack nor memory.

use super::StateError;
use super::element::StoredType;

/// Objects that one pickle may make; a state dictionary needs about ten for each tensor.
const MOST_OBJECTS: usize = 4_000_000;
/// Dimensions that a tensor may have.
const MOST_DIMENSIONS: usize = 64;

/// A value on the stack. What needs room lies in [`Objects`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value {
    Bool(bool),
    Int(i64),
    Object(usize),
    Global(Global),
    /// A value that no tensor is made of: `None`, a float, bytes, a device, a large integer.
    Other,
}

/// What a pickle may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    /// `OrderedDict` and `Counter`.
    Dict,
    /// `torch.Size`, `set` and `frozenset`.
    Tuple,
    Storage(StoredType),
    /// A storage that does not say what its bytes are; the tensor does.
    UntypedStorage,
    /// `torch.float32`, ...
    Type(StoredType),
    RebuildTensor,
    RebuildTensorV2,
    RebuildTensorV3,
    RebuildParameter,
    /// Makes something that is not looked at: `torch.device`, bytes.
    Ignored,
}

#[derive(Debug)]
pub(super) enum Object {
    Text(String),
    Tuple(Vec<Value>),
    List(Vec<Value>),
    Dict(Vec<(Value, Value)>),
    Storage(Storage),
    Tensor(TensorPlan),
}

/// Where a tensor's numbers lie in the file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Storage {
    /// Name of the record.
    pub key: String,
    /// What the bytes are, unless only the tensor says so.
    pub dtype: Option<StoredType>,
    /// How many numbers (bytes, if untyped) the record has.
    pub numel: usize,
}

/// How a tensor lies in its storage.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TensorPlan {
    pub storage: Storage,
    pub dtype: StoredType,
    pub offset: usize,
    pub shape: Vec<usize>,
    pub strides: Vec<usize>,
}

/// All objects of a pickle.
#[derive(Debug, Default)]
pub(super) struct Objects(Vec<Object>);

impl Objects {
    pub fn get(&self, value: Value) -> Option<&Object> {
        match value {
            Value::Object(index) => self.0.get(index),
            _ => None,
        }
    }

    pub fn text(&self, value: Value) -> Option<&str> {
        match self.get(value)? {
            Object::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn dict(&self, value: Value) -> Option<&[(Value, Value)]> {
        match self.get(value)? {
            Object::Dict(entries) => Some(entries),
            _ => None,
        }
    }

    pub fn tensor(&self, value: Value) -> Option<&TensorPlan> {
        match self.get(value)? {
            Object::Tensor(plan) => Some(plan),
            _ => None,
        }
    }

    /// The members of a list or tuple.
    pub fn members(&self, value: Value) -> Option<&[Value]> {
        match self.get(value)? {
            Object::Tuple(members) | Object::List(members) => Some(members),
            _ => None,
        }
    }

    /// Every storage that was referred to.
    pub fn storages(&self) -> impl Iterator<Item = &Storage> {
        self.0.iter().filter_map(|object| match object {
            Object::Storage(storage) => Some(storage),
            _ => None,
        })
    }

    fn add(&mut self, object: Object) -> Result<Value, StateError> {
        if self.0.len() == MOST_OBJECTS {
            return Err(damaged(format!("its pickle has more than {MOST_OBJECTS} objects")));
        }
        self.0.push(object);
        Ok(Value::Object(self.0.len() - 1))
    }

    fn size(&self, value: Value) -> Result<usize, StateError> {
        match value {
            Value::Int(size) => usize::try_from(size).map_err(|_| damaged(format!("a tensor has the size {size}"))),
            _ => Err(damaged("a size of a tensor is no number")),
        }
    }

    fn sizes(&self, value: Value) -> Result<Vec<usize>, StateError> {
        let members = self.members(value).ok_or_else(|| damaged("the shape of a tensor is no tuple"))?;
        if members.len() > MOST_DIMENSIONS {
            return Err(damaged(format!("a tensor has {} dimensions", members.len())));
        }
        members.iter().map(|&size| self.size(size)).collect()
    }
}

pub(super) fn damaged(what: impl Into<String>) -> StateError {
    StateError::Damaged { what: what.into() }
}

/// The value that the pickle at the start of `bytes` describes, and how many bytes it took.
pub(super) fn read(bytes: &[u8], objects: &mut Objects) -> Result<(Value, usize), StateError> {
    let mut machine = Machine { bytes, at: 0, stack: Vec::new(), marks: Vec::new(), memo: Vec::new(), objects };
    loop {
        let code = machine.byte()?;
        if code == b'.' {
            return Ok((machine.pop()?, machine.at));
        }
        machine.step(code)?;
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Value>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memo: Vec<Option<Value>>,
    objects: &'a mut Objects,
}

impl<'a> Machine<'a> {
    /// One instruction.
    fn step(&mut self, code: u8) -> Result<(), StateError> {
        match code {
            b'}' | b']' | b')' | 0x8f => self.push_empty(code)?,
            b'N' => self.stack.push(Value::Other),
            0x88 | 0x89 => self.stack.push(Value::Bool(code == 0x88)),
            b'K' | b'M' | b'J' | 0x8a | 0x8b | b'G' => self.number(code)?,
            b'X' | 0x8c | 0x8d | b'U' | b'T' | b'C' | b'B' | 0x8e | 0x96 => self.string(code)?,
            b'(' => self.marks.push(self.stack.len()),
            b'0' => {
                self.pop()?;
            }
            b'1' => {
                self.pop_to_mark()?;
            }
            b'2' => {
                let top = *self.stack.last().ok_or_else(underflow)?;
                self.stack.push(top);
            }
            b't' | b'l' | b'd' | 0x91 | 0x85..=0x87 => self.collect(code)?,
            b'a' | b'e' | b's' | b'u' | 0x90 => self.fill(code)?,
            b'q' | b'r' | 0x94 | b'h' | b'j' => self.remember(code)?,
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.stack.push(Value::Global(global(module, name)?));
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Some(module), Some(name)) = (self.objects.text(module), self.objects.text(name)) else {
                    return Err(damaged("a name in its pickle is no text"));
                };
                self.stack.push(Value::Global(global(module, name)?));
            }
            b'Q' => self.persistent()?,
            b'R' | 0x81 => self.call()?,
            // The state of an object that was just made (for an OrderedDict, the versions of the modules): not needed.
            b'b' => {
                self.pop()?;
            }
            0x80 => {
                self.byte()?;
            }
            0x95 => {
                self.take(8)?;
            }
            b'i' => {
                let (module, name) = (self.line()?, self.line()?);
                return Err(StateError::Refused { global: format!("{module}.{name}") });
            }
            _ => return Err(damaged(format!("its pickle has the instruction {code:#04x}, which no weights need"))),
        }
        Ok(())
    }

    fn push_empty(&mut self, code: u8) -> Result<(), StateError> {
        let object = match code {
            b'}' => Object::Dict(Vec::new()),
            b']' => Object::List(Vec::new()),
            _ => Object::Tuple(Vec::new()),
        };
        self.push(object)
    }

    fn number(&mut self, code: u8) -> Result<(), StateError> {
        let value = match code {
            b'K' => Value::Int(i64::from(self.byte()?)),
            b'M' => Value::Int(i64::from(u16::from_le_bytes(self.array()?))),
            b'J' => Value::Int(i64::from(i32::from_le_bytes(self.array()?))),
            b'G' => {
                self.take(8)?;
                Value::Other
            }
            _ => {
                let length = if code == 0x8a { u64::from(self.byte()?) } else { self.length32()? };
                integer(self.take(length)?)
            }
        };
        self.stack.push(value);
        Ok(())
    }

    fn string(&mut self, code: u8) -> Result<(), StateError> {
        let length = match code {
            0x8c | b'U' | b'C' => u64::from(self.byte()?),
            0x8d | 0x8e | 0x96 => u64::from_le_bytes(self.array()?),
            _ => self.length32()?,
        };
        let bytes = self.take(length)?;
        if matches!(code, b'C' | b'B' | 0x8e | 0x96) {
            self.stack.push(Value::Other);
            return Ok(());
        }
        let text = String::from_utf8_lossy(bytes).into_owned();
        self.push(Object::Text(text))
    }

    /// A tuple, list, dictionary or set of what is on the stack.
    fn collect(&mut self, code: u8) -> Result<(), StateError> {
        let members = match code {
            0x85..=0x87 => {
                let start = self.stack.len().checked_sub(usize::from(code - 0x84)).ok_or_else(underflow)?;
                self.stack.split_off(start)
            }
            _ => self.pop_to_mark()?,
        };
        let object = match code {
            b'l' => Object::List(members),
            b'd' => Object::Dict(pairs(&members)?),
            _ => Object::Tuple(members),
        };
        self.push(object)
    }

    /// Adds what is on the stack to the list, dictionary or set below it.
    fn fill(&mut self, code: u8) -> Result<(), StateError> {
        let members = match code {
            b'a' => vec![self.pop()?],
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                vec![key, value]
            }
            _ => self.pop_to_mark()?,
        };
        let target = *self.stack.last().ok_or_else(underflow)?;
        let Value::Object(index) = target else {
            // For example items set on an object that is not looked at.
            return Ok(());
        };
        match (code, &mut self.objects.0[index]) {
            (b's' | b'u', Object::Dict(entries)) => entries.extend(pairs(&members)?),
            (b'a' | b'e' | 0x90, Object::List(own) | Object::Tuple(own)) => own.extend(members),
            _ => return Err(damaged("its pickle fills something that is neither a list nor a dictionary")),
        }
        Ok(())
    }

    fn remember(&mut self, code: u8) -> Result<(), StateError> {
        let place = match code {
            b'q' | b'h' => u64::from(self.byte()?),
            b'r' | b'j' => self.length32()?,
            _ => self.memo.len() as u64,
        };
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        if matches!(code, b'h' | b'j') {
            let value = self.memo.get(place).copied().flatten();
            self.stack.push(value.ok_or_else(|| damaged("its pickle refers to something it has not made"))?);
            return Ok(());
        }
        let top = *self.stack.last().ok_or_else(underflow)?;
        if place >= self.memo.len() {
            // Writers number what they remember one after the other: a far place is an attempt to fill the memory.
            if place > self.bytes.len() {
                return Err(damaged("its pickle refers to something it has not made"));
            }
            self.memo.resize(place + 1, None);
        }
        self.memo[place] = Some(top);
        Ok(())
    }

    /// `('storage', type, key, device, numel)`: numbers that lie elsewhere in the file. The oldest files add a view.
    fn persistent(&mut self) -> Result<(), StateError> {
        let id = self.pop()?;
        let members = self.objects.members(id).unwrap_or_default();
        let (kind, key, numel) = match *members {
            [tag, kind, key, _device, numel] if self.objects.text(tag) == Some("storage") => (kind, key, numel),
            [tag, kind, key, _device, numel, Value::Other] if self.objects.text(tag) == Some("storage") => {
                (kind, key, numel)
            }
            _ => return Err(damaged("its pickle refers to something that is no storage of numbers")),
        };
        let dtype = match kind {
            Value::Global(Global::Storage(dtype)) => Some(dtype),
            Value::Global(Global::UntypedStorage) => None,
            _ => return Err(damaged("a storage does not say what its numbers are")),
        };
        let key = self.objects.text(key).ok_or_else(|| damaged("a storage has no name"))?.to_owned();
        let numel = self.objects.size(numel)?;
        self.push(Object::Storage(Storage { key, dtype, numel }))
    }

    /// Calls one of the known functions.
    fn call(&mut self) -> Result<(), StateError> {
        let (arguments, function) = (self.pop()?, self.pop()?);
        let Value::Global(function) = function else {
            return Err(damaged("its pickle calls something that is no function"));
        };
        let arguments = self.objects.members(arguments).ok_or_else(|| damaged("a call has no arguments"))?.to_vec();
        match function {
            Global::Dict => {
                let mut entries = Vec::new();
                for &pair in arguments.first().and_then(|&items| self.objects.members(items)).unwrap_or_default() {
                    let Some(&[key, value]) = self.objects.members(pair) else {
                        return Err(damaged("an item of a dictionary is no pair"));
                    };
                    entries.push((key, value));
                }
                self.push(Object::Dict(entries))
            }
            Global::Tuple => {
                let members = arguments.first().and_then(|&items| self.objects.members(items)).unwrap_or_default();
                let members = members.to_vec();
                self.push(Object::Tuple(members))
            }
            Global::RebuildTensor | Global::RebuildTensorV2 | Global::RebuildTensorV3 => {
                let plan = plan(self.objects, function, &arguments)?;
                self.push(Object::Tensor(plan))
            }
            Global::RebuildParameter => {
                self.stack.push(*arguments.first().ok_or_else(|| damaged("a parameter has no tensor"))?);
                Ok(())
            }
            Global::Ignored => {
                self.stack.push(Value::Other);
                Ok(())
            }
            Global::Storage(_) | Global::UntypedStorage | Global::Type(_) => {
                Err(damaged("its pickle calls a type as if it were a function"))
            }
        }
    }

    fn push(&mut self, object: Object) -> Result<(), StateError> {
        let value = self.objects.add(object)?;
        self.stack.push(value);
        Ok(())
    }

    fn pop(&mut self) -> Result<Value, StateError> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err(underflow());
        }
        self.stack.pop().ok_or_else(underflow)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Value>, StateError> {
        let mark = self.marks.pop().ok_or_else(underflow)?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    fn byte(&mut self) -> Result<u8, StateError> {
        Ok(self.array::<1>()?[0])
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], StateError> {
        let bytes = self.take(N as u64)?;
        Ok(bytes.try_into().expect("as many bytes as asked for"))
    }

    fn length32(&mut self) -> Result<u64, StateError> {
        Ok(u64::from(u32::from_le_bytes(self.array()?)))
    }

    fn take(&mut self, count: u64) -> Result<&'a [u8], StateError> {
        let rest = &self.bytes[self.at..];
        let taken = usize::try_from(count).ok().and_then(|count| rest.get(..count));
        let taken = taken.ok_or_else(|| damaged("it ends in the middle of its pickle"))?;
        self.at += taken.len();
        Ok(taken)
    }

    /// The text up to the end of the line.
    fn line(&mut self) -> Result<&'a str, StateError> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|&byte| byte == b'\n').ok_or_else(|| damaged("it ends in a name"))?;
        self.at += end + 1;
        std::str::from_utf8(&rest[..end]).map_err(|_| damaged("a name in its pickle is no text"))
    }
}

fn underflow() -> StateError {
    damaged("its pickle takes from an empty stack")
}

fn pairs(members: &[Value]) -> Result<Vec<(Value, Value)>, StateError> {
    let (pairs, rest) = members.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(damaged("a dictionary has a key without a value"));
    }
    Ok(pairs.iter().map(|&[key, value]| (key, value)).collect())
}

/// A little-endian two's complement number of any length.
fn integer(bytes: &[u8]) -> Value {
    if bytes.len() > 8 {
        return Value::Other;
    }
    let fill = if bytes.last().is_some_and(|&last| last >= 0x80) { 0xff } else { 0 };
    let mut all = [fill; 8];
    all[..bytes.len()].copy_from_slice(bytes);
    Value::Int(i64::from_le_bytes(all))
}

/// `_rebuild_tensor(storage, offset, size, stride)`; version 2 adds what autograd needs, version 3 then the type of an
/// untyped storage.
fn plan(objects: &Objects, function: Global, arguments: &[Value]) -> Result<TensorPlan, StateError> {
    let [storage, offset, shape, strides, ..] = *arguments else {
        return Err(damaged("a tensor has too few arguments"));
    };
    let Some(Object::Storage(storage)) = objects.get(storage) else {
        return Err(damaged("a tensor has no storage"));
    };
    let named = match (function, arguments.get(6)) {
        (Global::RebuildTensorV3, Some(Value::Global(Global::Type(dtype)))) => Some(*dtype),
        _ => storage.dtype,
    };
    let dtype = named.ok_or_else(|| damaged("a tensor does not say what its numbers are"))?;
    let mut storage = storage.clone();
    if storage.dtype.is_none() {
        storage.numel /= dtype.size();
    }
    let plan = TensorPlan {
        storage,
        dtype,
        offset: objects.size(offset)?,
        shape: objects.sizes(shape)?,
        strides: objects.sizes(strides)?,
    };
    if plan.shape.len() != plan.strides.len() {
        return Err(damaged(format!("a tensor of shape {:?} has the strides {:?}", plan.shape, plan.strides)));
    }
    Ok(plan)
}

/// What a name stands for, if it is one of the few that weights need.
fn global(module: &str, name: &str) -> Result<Global, StateError> {
    let found = match (module, name) {
        ("collections", "OrderedDict" | "Counter") => Some(Global::Dict),
        ("torch", "Size") => Some(Global::Tuple),
        ("builtins" | "__builtin__", "set" | "frozenset") => Some(Global::Tuple),
        ("torch._utils", "_rebuild_tensor") => Some(Global::RebuildTensor),
        ("torch._utils", "_rebuild_tensor_v2") => Some(Global::RebuildTensorV2),
        ("torch._utils", "_rebuild_tensor_v3") => Some(Global::RebuildTensorV3),
        ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => Some(Global::RebuildParameter),
        ("torch", "device") | ("_codecs", "encode") => Some(Global::Ignored),
        ("torch.storage", "UntypedStorage") | ("torch", "UntypedStorage") => Some(Global::UntypedStorage),
        ("torch" | "torch.cuda", _) => match name.strip_suffix("Storage") {
            Some(kind) => StoredType::of_storage(kind).map(Global::Storage),
            None => StoredType::of_torch(name).map(Global::Type),
        },
        _ => None,
    };
    found.ok_or_else(|| StateError::Refused { global: format!("{module}.{name}") })
}
