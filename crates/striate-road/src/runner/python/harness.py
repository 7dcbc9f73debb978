"""Runs a learner's function for Striate. The format on the pipe is described in Striate's runner/wire.rs."""

import itertools
import os
import struct
import sys
import time
import types

# Striate listens on standard output. Keep it under another number and let whatever the learner prints go to
# standard error, so that printing can never be taken for a result; input() meets the end of the file.
_requests = os.fdopen(os.dup(0), "rb")
_answers = os.fdopen(os.dup(1), "wb")
_nothing = os.open(os.devnull, os.O_RDONLY)
os.dup2(_nothing, 0)
os.dup2(2, 1)
for _stream in (sys.stdout, sys.stderr):
    try:
        _stream.reconfigure(encoding="utf-8", errors="replace", line_buffering=True)
    except (AttributeError, ValueError):
        pass

NONE, BOOL, INT, FLOAT, TEXT, ARRAY, TUPLE, FUNCTION, FOREIGN, LIST, GENERATOR, DICTIONARY = range(12)
TYPES = ["<f8", "<f4", "<i8", "|u1", "|b1"]
MOST_PARTS = 10000  # of a list or a generator; no exercise needs more
_nonce = _requests.read(16)
_process = os.getpid()
_clock = time.perf_counter


def receive():
    head = _requests.read(8)
    if len(head) < 8:
        os._exit(0)
    return _requests.read(struct.unpack("<Q", head)[0])


def send(*parts):
    if os.getpid() != _process:
        os._exit(0)  # a copy of the program that the learner's code made: it has nothing to say
    payload = b"".join(parts)
    try:
        _answers.write(_nonce + struct.pack("<Q", len(payload)) + payload)
        _answers.flush()
    except OSError:
        os._exit(0)


def text(value):
    data = str(value).encode("utf-8", "replace")
    return struct.pack("<Q", len(data)) + data


try:
    import numpy as np
except BaseException as error:  # noqa: B902, a broken NumPy may raise anything
    version = ".".join(str(part) for part in sys.version_info[:3])
    send(b"N", text(sys.executable), text(version), text("%s: %s" % (type(error).__name__, error)))
    os._exit(0)


class Reader:
    def __init__(self, data):
        self.data = data
        self.position = 1

    def take(self, count):
        taken = self.data[self.position : self.position + count]
        self.position += count
        return taken

    def unpack(self, form):
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))[0]

    def text(self):
        return self.take(self.unpack("Q")).decode("utf-8")

    def value(self, strided=False):
        tag = self.unpack("B")
        if tag == NONE:
            return None
        if tag == BOOL:
            return bool(self.unpack("B"))
        if tag == INT:
            return self.unpack("q")
        if tag == FLOAT:
            return self.unpack("d")
        if tag == TEXT:
            return self.text()
        if tag == ARRAY:
            dtype = np.dtype(TYPES[self.unpack("B")])
            shape = tuple(self.unpack("Q") for _ in range(self.unpack("B")))
            count = 1
            for length in shape:
                count *= length
            array = np.frombuffer(self.take(count * dtype.itemsize), dtype).reshape(shape)
            if not strided:
                return array.copy()
            # The same numbers, but every second element of a larger block.
            view = np.zeros([2 * length for length in shape], dtype)[tuple(slice(None, None, 2) for _ in shape)]
            view[...] = array
            return view
        if tag in (TUPLE, LIST):
            parts = [self.value(strided) for _ in range(self.unpack("I"))]
            return parts if tag == LIST else tuple(parts)
        if tag == FUNCTION:
            return function(self.unpack("I"), self.text())
        raise ValueError("unknown tag %d" % tag)


def function(number, name):
    def call(argument):
        send(b"B", struct.pack("<I", number), value(argument))
        reply = receive()
        if reply[:1] == b"V":
            return Reader(reply).value()
        raise ValueError(Reader(reply).text())

    call.__name__ = call.__qualname__ = name
    return call


def kind(thing):
    if isinstance(thing, np.ndarray):
        return "an array of %s" % thing.dtype
    name = type(thing).__name__
    return {"list": "a list", "dict": "a dict", "function": "a function", "type": "a class"}.get(
        name, "an object of type %s" % name
    )


def value(thing, as_tuple=False):
    if thing is None:
        return bytes([NONE])
    if isinstance(thing, (bool, np.bool_)):
        return bytes([BOOL, bool(thing)])
    if isinstance(thing, (int, np.integer)) and -(2**63) <= int(thing) < 2**63:
        return struct.pack("<Bq", INT, int(thing))
    if isinstance(thing, (float, np.floating)):
        return struct.pack("<Bd", FLOAT, float(thing))
    if isinstance(thing, str):
        return bytes([TEXT]) + text(thing)
    if isinstance(thing, tuple) or (as_tuple and isinstance(thing, list)):
        return struct.pack("<BI", TUPLE, len(thing)) + b"".join(value(part) for part in thing)
    if isinstance(thing, list) and len(thing) <= MOST_PARTS:
        return struct.pack("<BI", LIST, len(thing)) + b"".join(value(part) for part in thing)
    if isinstance(thing, types.GeneratorType):
        # The parts first, then their bytes: whoever yields one list again and again yields what became of it.
        parts = list(itertools.islice(thing, MOST_PARTS))
        return struct.pack("<BI", GENERATOR, len(parts)) + b"".join(value(part) for part in parts)
    if isinstance(thing, dict) and all(isinstance(key, str) for key in thing):
        entries = b"".join(text(key) + value(part) for key, part in thing.items())
        return struct.pack("<BI", DICTIONARY, len(thing)) + entries
    if isinstance(thing, np.ndarray):
        dtype = thing.dtype
        if dtype.kind in "iu" and dtype != np.uint8 and dtype != np.uint64:
            dtype = np.dtype("<i8")  # int32 is the default integer of NumPy 1 on Windows
        else:
            dtype = dtype.newbyteorder("<")
        if dtype.str in TYPES and thing.ndim < 32:
            shape = struct.pack("<%dQ" % thing.ndim, *thing.shape)
            head = bytes([ARRAY, TYPES.index(dtype.str), thing.ndim])
            return head + shape + np.ascontiguousarray(thing, dtype).tobytes()
    return bytes([FOREIGN]) + text(kind(thing))


def place(error):
    """The last line of the learner's code on the way to the error; a file may name further sources as its own."""
    found, trace = ("", 0, ""), error.__traceback__
    sources = getattr(_module, "__sources__", None) or {_path: _source}
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file in sources:
            lines = sources[file].splitlines()
            line = trace.tb_lineno
            found = (file, line, lines[line - 1].strip() if 0 < line <= len(lines) else "")
        trace = trace.tb_next
    return found


def located(where):
    return text(where[0]) + struct.pack("<I", where[1] or 0) + text(where[2])


def load(reader):
    global _path, _source, _module
    _path, name, count = reader.text(), reader.text(), reader.unpack("I")
    _source, _module = "", None
    try:
        import tokenize

        try:
            with tokenize.open(_path) as file:
                _source = file.read()
        except (SyntaxError, UnicodeDecodeError):
            # Only the reading can fail here: bytes that are no text in the encoding the file declares, UTF-8 if none.
            message = "it is not UTF-8 text; save it as UTF-8 in your editor"
            return send(b"E", text("UnicodeError"), text(message), located((_path, 0, "")))
        code = compile(_source, _path, "exec", dont_inherit=True)
        _module = type(sys)("learner")
        _module.__file__ = _path
        sys.modules["learner"] = _module
        sys.path.insert(0, os.path.dirname(_path))
        exec(code, _module.__dict__)
    except SyntaxError as error:
        where = (error.filename or _path, error.lineno or 0, (error.text or "").strip())
        return send(b"E", text(type(error).__name__), text(error.msg), located(where))
    except BaseException as error:  # noqa: B902, the learner's file may raise anything, SystemExit too
        return send(b"E", text(type(error).__name__), text(error), located(place(error)))
    target = getattr(_module, name, None)
    if not callable(target):
        own = [key for key, item in vars(_module).items() if getattr(item, "__module__", None) == "learner"]
        return send(b"E", text("NoFunction"), text(", ".join(own)), located((_path, 0, "")))
    problem = arity(target, count)
    if problem:
        where = (_path, getattr(getattr(target, "__code__", None), "co_firstlineno", 0), "")
        return send(b"E", text("Arity"), text(problem), located(where))
    send(b"R")


def arity(target, count):
    import inspect

    try:
        signature = inspect.signature(target)
    except (TypeError, ValueError):
        return ""
    try:
        signature.bind(*range(count))
    except TypeError:
        return str(signature)
    return ""


def call(reader, name, keep=False):
    global _kept
    strided, as_tuple = reader.unpack("B"), reader.unpack("B")
    arguments = [reader.value(bool(strided)) for _ in range(reader.unpack("I"))]
    before = [content(item) for item in arguments]
    try:
        start = _clock()
        result = getattr(_module, name)(*arguments)
        seconds = _clock() - start
        encoded = value(result, bool(as_tuple))
        if keep:
            # A generator is used up by now: what came out of it is all there is to keep.
            _kept = (None, encoded) if generates(result) else (lambda: value(result, bool(as_tuple)), result)
    except BaseException as error:  # noqa: B902, SystemExit and KeyboardInterrupt are the learner's doing too
        where = place(error)
        flush()
        return send(b"X", text(error), located(where), text(error_name(error)))
    changed = [position for position, item in enumerate(arguments) if content(item) != before[position]]
    flush()
    send(b"V", encoded, struct.pack("<%dId" % (len(changed) + 1), len(changed), *changed, seconds))


def generates(thing):
    if isinstance(thing, dict):
        thing = tuple(thing.values())
    return isinstance(thing, types.GeneratorType) or (isinstance(thing, (list, tuple)) and any(map(generates, thing)))


def again():
    encode, encoded = _kept
    send(b"V", encode() if encode else encoded)


def write_into(thing):
    if isinstance(thing, np.ndarray) and thing.flags.writeable and thing.dtype.kind in "biuf":
        thing[...] = ~thing if thing.dtype == bool else thing + 1
    elif isinstance(thing, (list, tuple, dict)):
        for part in thing.values() if isinstance(thing, dict) else thing:
            write_into(part)
        if not isinstance(thing, tuple):
            thing.clear()


def plain_loop():
    """Seconds of one step of a plain loop over arrays: the best of a few."""
    rows, columns = 40, 50
    one, other = np.ones((rows, columns)), np.ones((columns, rows))
    best = float("inf")
    for _ in range(5):
        total, start = 0.0, _clock()
        for i in range(rows):
            for j in range(columns):
                total += one[i, j] * other[j, i]
        best = min(best, (_clock() - start) / (rows * columns))
    return best


def content(argument):
    """What a call must not change."""
    if isinstance(argument, np.ndarray):
        return argument.shape, argument.tobytes()
    return value(argument) if isinstance(argument, list) else None


def error_name(error):
    return "MemoryError" if isinstance(error, MemoryError) else type(error).__name__


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass


_name = None
_kept = (None, value(None))
while True:
    _frame = receive()
    if _frame[:1] == b"L":
        _reader = Reader(_frame)
        _name = Reader(_frame)
        _name.text()
        _name = _name.text()
        load(_reader)
        flush()
    elif _frame[:1] == b"C":
        call(Reader(_frame), _name)
    elif _frame[:1] == b"K":
        call(Reader(_frame), _name, keep=True)
    elif _frame[:1] == b"A":
        again()
    elif _frame[:1] == b"W":
        if _kept[0]:
            write_into(_kept[1])
        send(b"V", value(None))
    elif _frame[:1] == b"T":
        send(b"T", struct.pack("<d", plain_loop()))
