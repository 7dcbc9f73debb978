# Reads the files of a course as they are, and runs of them only imports, definitions and constants. Striate puts ROOT,
# FILE and the adapters of one function below this, and runs the whole in a folder of its own.
import ast
import builtins
import importlib
import importlib.util
import io
import json
import os
import re
import sys
import tokenize
import types

import numpy as np

# Where a line of the learner's stands, for messages: file, or cell of a notebook, to its text.
__sources__ = {}

SKIPPED_FOLDERS = {"__pycache__", "node_modules", "site-packages", "venv", "env", "build", "dist", "datasets"}
MOST_FILES = 4000
MOST_BYTES = 30 << 20


def learner_files(root):
    """The Python files and notebooks below a folder, in order."""
    if os.path.isfile(root):
        return [root]
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if f[0] != "." and f not in SKIPPED_FOLDERS)
        for name in sorted(names):
            path = os.path.join(folder, name)
            if name.endswith((".py", ".ipynb")) and os.path.isfile(path) and os.path.getsize(path) <= MOST_BYTES:
                found.append(path)
        if len(found) > MOST_FILES:
            break
    return found


class Unreadable(Exception):
    """A file that is no Python source and no notebook."""


def chunks(path):
    """(name, source) of a file, or of each code cell of a notebook."""
    if not path.endswith(".ipynb"):
        try:
            with tokenize.open(path) as file:
                return [(path, file.read())]
        except (SyntaxError, UnicodeDecodeError):
            raise Unreadable("it is not UTF-8 text; save a copy as UTF-8 in your editor")
    try:
        with io.open(path, encoding="utf-8") as file:
            notebook = json.load(file)
        sheets = notebook.get("worksheets") or [notebook]  # the notebooks of format 3 have worksheets
        cells = [cell for sheet in sheets for cell in sheet.get("cells", [])]
    except (ValueError, UnicodeDecodeError, AttributeError) as error:
        raise Unreadable("it is not a notebook that can be read: %s" % error)
    found = []
    for number, cell in enumerate(cells, 1):
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            source = cell.get("source", cell.get("input", ""))
            source = source if isinstance(source, str) else "".join(source)
            found.append(("%s, cell %d" % (path, number), without_magics(source)))
    return found


def without_magics(source):
    """A cell without what only IPython understands; lines keep their numbers."""
    lines = source.split("\n")
    first = next((line.strip() for line in lines if line.strip()), "")
    if first.startswith("%%") and not re.match(r"%%(time|timeit|capture|prun)\b", first):
        return ""
    try:
        ast.parse(source)
        return source
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "\n".join(MAGIC.sub(r"\1pass", line) for line in lines)


MAGIC = re.compile(r"^(\s*)(?:[%!?]|[\w.]+\s*=\s*[!%]|[\w.]+\?+\s*$).*$")

PYTHON_2 = re.compile(
    r"^\s*print\s+[^=(\s]|^\s*print\s*$|^\s*print\s*>>|^\s*except\s+[\w.()\s,]+,\s*\w+\s*:|^\s*raise\s+\w+\s*,|^\s*exec\s+[\"']|<>|\b0\d+\b[lL]?",
    re.MULTILINE,
)
PYTHON_2_NAMES = ("xrange", "raw_input", "unicode", "basestring", "iteritems", "itervalues", "iterkeys", "has_key")


def problem_of(source, error):
    """What keeps a source from being read, as kind, text and line."""
    lines = source.splitlines()
    line = error.lineno or 0
    code = lines[line - 1].strip() if 0 < line <= len(lines) else ""
    old = PYTHON_2.search(source)
    if old:
        line = source.count("\n", 0, old.end()) + 1
        return {"kind": "python2", "line": line, "text": lines[line - 1].strip() if line <= len(lines) else ""}
    return {"kind": "syntax", "line": line, "text": "%s: %s" % (error.msg, code)}


def scan():
    """All functions of all files, as JSON, without running anything."""
    found = []
    for path in learner_files(ROOT):
        entry = {"path": path, "problems": [], "functions": [], "torch": False}
        try:
            pieces = chunks(path)
        except Unreadable as error:
            entry["problems"].append({"kind": "unreadable", "line": 0, "text": str(error), "names": [], "chunk": path})
            pieces = []
        except OSError as error:
            entry["problems"].append({"kind": "unreadable", "line": 0, "text": str(error), "names": [], "chunk": path})
            pieces = []
        bound, imports = set(), set()
        for name, source in pieces:
            try:
                tree = ast.parse(source)
            except SyntaxError as error:
                names = re.findall(r"^\s*def\s+(\w+)", source, re.MULTILINE)
                entry["problems"].append(dict(problem_of(source, error), names=names, chunk=name))
                continue
            except (ValueError, RecursionError, MemoryError):
                continue
            lines = source.splitlines()
            bound |= bound_names(tree)
            imports |= imported_names(tree)
            for node in tree.body:
                inside = node.body if isinstance(node, ast.ClassDef) else [node]
                for item in inside:
                    if isinstance(item, ast.FunctionDef):
                        cls = node.name if isinstance(node, ast.ClassDef) else ""
                        entry["functions"].append(described(item, cls, lines, name))
        for function in entry["functions"]:
            function["python2"] = [used for used in function["python2"] if used not in bound]
        # A file of the course that is about PyTorch has it in its name, or has nothing else.
        entry["torch"] = "torch" in imports and ("numpy" not in imports or "torch" in os.path.basename(path))
        if entry["functions"] or entry["problems"]:
            found.append(entry)
    return json.dumps(found)


def bound_names(tree):
    """Names that a file imports or sets somewhere."""
    names = {item.id for item in ast.walk(tree) if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)}
    imports = [item for item in ast.walk(tree) if isinstance(item, (ast.Import, ast.ImportFrom))]
    names.update((alias.asname or alias.name).split(".")[0] for item in imports for alias in item.names)
    stars = [item for item in imports if isinstance(item, ast.ImportFrom) and any(a.name == "*" for a in item.names)]
    if any((item.module or "").startswith(("past", "future", "six")) for item in stars):
        names.update(PYTHON_2_NAMES)
    return names


def imported_names(tree):
    """The packages that a file imports."""
    found = set()
    for item in ast.walk(tree):
        if isinstance(item, ast.Import):
            found.update(alias.name.split(".")[0] for alias in item.names)
        elif isinstance(item, ast.ImportFrom) and not item.level:
            found.add((item.module or "").split(".")[0])
    return found


def described(node, cls, lines, chunk):
    last = max((getattr(item, "end_lineno", None) or getattr(item, "lineno", 0)) for item in ast.walk(node) if hasattr(item, "lineno"))
    # The lines after the last statement may still hold the marker where the learner's part ends.
    following = len(lines)
    for number in range(last, len(lines)):
        text = lines[number]
        if text.strip() and not text.startswith((" ", "\t")):
            following = number
            break
    body = lines[node.lineno - 1 : following]
    names = [argument.arg for argument in node.args.args]
    used = {item.id for item in ast.walk(node) if isinstance(item, ast.Name)}
    used |= {item.attr for item in ast.walk(node) if isinstance(item, ast.Attribute)}
    return {
        "name": node.name,
        "class": cls,
        "line": node.lineno,
        "parameters": names[1:] if cls and names[:1] == ["self"] else names,
        "required": len(names) - len(node.args.defaults) - (1 if cls and names[:1] == ["self"] else 0),
        "untouched": untouched(node, body),
        "python2": sorted(used.intersection(PYTHON_2_NAMES)),
        "chunk": chunk,
    }


BEGIN = re.compile(r"START OF YOUR CODE|START CODE HERE|YOUR CODE STARTS HERE|TODO", re.IGNORECASE)
END = re.compile(r"END OF YOUR CODE|END CODE HERE|YOUR CODE ENDS HERE", re.IGNORECASE)
NOTHING = re.compile(r"^(pass|return( None)?|raise NotImplementedError.*|[^=()]*=\s*\(?\s*None(\s*,\s*None)*\s*\)?\s*)$")


def untouched(node, lines):
    """Whether the learner's part of a function is still as the course handed it out."""
    inside, seen, written = False, False, False
    for line in lines:
        if END.search(line):
            inside = False
            continue
        if BEGIN.search(line) and line.lstrip().startswith("#"):
            inside, seen = True, True
            continue
        text = line.split("#")[0].strip()
        if inside and text and not NOTHING.match(text):
            written = True
    if seen:
        return not written
    statements = [item for item in node.body if not is_text(item)]
    return all(isinstance(item, (ast.Pass, ast.Raise)) for item in statements)


def is_text(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, (ast.Constant, getattr(ast, "Str", ast.Constant)))


# ---------------------------------------------------------------------------------------------------------------------
# Loading: imports, definitions and constants.


class Missing(object):
    """Stands for something that could not be imported, and says so when it is used."""

    def __init__(self, name, reason):
        self.__dict__["_words"] = "%s cannot be imported here: %s" % (name, reason)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        raise ImportError(self._words)

    def __call__(self, *arguments, **named):
        raise ImportError(self._words)

    def __getitem__(self, key):
        raise ImportError(self._words)


class Lazy(types.ModuleType):
    """A large library that is imported when a function uses it."""

    def __getattr__(self, name):
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)
        return LazyName(self.__name__, name).real()


class LazyName(object):
    """What `from library import name` binds, until it is used."""

    def __init__(self, module, name):
        self.__dict__.update(_module=module, _name=name)

    def real(self):
        module = importlib.import_module(self._module)
        try:
            return getattr(module, self._name)
        except AttributeError:
            return importlib.import_module(self._module + "." + self._name)

    def __getattr__(self, name):
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)
        return getattr(self.real(), name)

    def __call__(self, *arguments, **named):
        return self.real()(*arguments, **named)

    def __mro_entries__(self, bases):
        return (self.real(),)


def lazy(name, names):
    """A large library, or the names that are taken from it."""
    if not names:
        outer = module = Lazy(name.split(".")[0])
        for at in range(1, name.count(".") + 1):
            inner = Lazy(".".join(name.split(".")[: at + 1]))
            module.__dict__[name.split(".")[at]] = inner
            module = inner
        return outer
    if "*" in names:
        return importlib.import_module(name)
    return types.SimpleNamespace(**{each: LazyName(name, each) for each in names})


AT_ONCE = {"numpy", "past", "future", "six"}
STANDARD = set(getattr(sys, "stdlib_module_names", ())) | set(sys.builtin_module_names)
_modules = {}


def is_standard(top):
    if top in STANDARD or top in AT_ONCE:
        return True
    if STANDARD and hasattr(sys, "stdlib_module_names"):
        return False
    spec = importlib.util.find_spec(top)  # Python before 3.10 has no list of its own modules
    return bool(spec and spec.origin and "site-packages" not in spec.origin)


def local_path(parts, here):
    """The file or folder of the learner's that an import means."""
    root = ROOT if os.path.isdir(ROOT) else os.path.dirname(ROOT)
    bases, folder = [], here
    while folder.startswith(root):
        bases.append(folder)
        folder = os.path.dirname(folder)
    bases.append(os.path.dirname(root))
    for base in bases:
        # Beside the root only the root itself is the learner's.
        if base == os.path.dirname(root) and parts[0] != os.path.basename(root):
            continue
        found = existing(os.path.join(base, *parts))
        if found:
            return found
    # A folder that has another name than the course's package, or one that lies elsewhere below.
    for tail in (parts, parts[1:]):
        for folder, folders, _ in os.walk(root) if tail else ():
            folders[:] = sorted(f for f in folders if f[0] != "." and f not in SKIPPED_FOLDERS)
            found = existing(os.path.join(folder, *tail))
            if found:
                return found
    return None


def existing(path):
    if os.path.isfile(path + ".py"):
        return path + ".py"
    return path if os.path.isdir(path) else None


def imported(name, globals=None, locals=None, fromlist=(), level=0):
    """What `import` does in the learner's files."""
    here = os.path.dirname((globals or {}).get("__file__") or ROOT)
    parts = [part for part in name.split(".") if part]
    if level:
        for _ in range(level - 1):
            here = os.path.dirname(here)
        found = existing(os.path.join(here, *parts)) if parts else here
        if not found:
            raise ImportError("there is no %s beside this file" % name)
        return with_names(local_module(found), found, fromlist)
    if name == "past.builtins":
        return types.SimpleNamespace(xrange=range, basestring=str, unicode=str, raw_input=input)
    if not is_standard(parts[0]):
        found = local_path(parts, here)
        if found and fromlist:
            return with_names(local_module(found), found, fromlist)
        if found:
            return chained(parts, found)
        stand_in = course_helpers(name)
        if stand_in:
            return stand_in
        if importlib.util.find_spec(parts[0]) is None:
            raise ImportError("No module named '%s'" % parts[0])
        return lazy(name, fromlist)
    return builtins.__import__(name, None, None, fromlist, 0)


def with_names(module, path, names):
    for name in names or ():
        found = existing(os.path.join(path, name)) if os.path.isdir(path) and name != "*" else None
        if found and not hasattr(module, name):
            setattr(module, name, local_module(found))
    return module


def chained(parts, path):
    """The first module of `import a.b.c`, which holds the next, and so on."""
    module = local_module(path)
    for name in reversed(parts[1:]):
        outer = types.ModuleType(parts[0])
        setattr(outer, name, module)
        module = outer
    return module


def local_module(path):
    """A file of the learner's as a module, or a folder as a package."""
    path = os.path.abspath(path)
    if path in _modules:
        return _modules[path]
    source = os.path.join(path, "__init__.py") if os.path.isdir(path) else path
    name = os.path.splitext(os.path.basename(path))[0]
    module = _modules[path] = types.ModuleType(name)
    module.__file__ = source
    module.__builtins__ = dict(vars(builtins), __import__=imported)
    if os.path.isfile(source):
        run_definitions(module, source)
    return module


def run_definitions(module, path):
    for name, source in chunks(path):
        __sources__[name] = source
        try:
            tree = ast.parse(source, name)
        except SyntaxError:
            if not path.endswith(".ipynb"):
                raise
            continue  # a cell that is no Python; `scan` tells about it where a function is in it
        for statement in tree.body:
            kept = definition(statement)
            if kept is not None:
                run(kept, module, name)


def definition(node):
    """The statement, reduced to imports, definitions and constants; None if nothing is left."""
    if isinstance(node, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Pass)):
        return node
    if isinstance(node, ast.Assign):
        simple = all(isinstance(target, (ast.Name, ast.Tuple)) for target in node.targets)
        return node if simple and constant(node.value) else None
    if isinstance(node, ast.AnnAssign):
        return node if node.value is not None and constant(node.value) else None
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Name):
        return node  # `xrange` alone, in a try that asks for the version of Python
    if isinstance(node, ast.Try):
        body = [kept for kept in map(definition, node.body) if kept is not None]
        for handler in node.handlers:
            handler.body = [kept for kept in map(definition, handler.body) if kept is not None] or [passing(handler)]
        node.body, node.finalbody = body, []
        node.orelse = [kept for kept in map(definition, node.orelse) if kept is not None]
        return node if body and node.handlers else None
    if isinstance(node, ast.If) and constant(node.test, compare=True) and "__main__" not in ast.dump(node.test):
        node.body = [kept for kept in map(definition, node.body) if kept is not None] or [passing(node)]
        node.orelse = [kept for kept in map(definition, node.orelse) if kept is not None]
        return node
    return None


def passing(node):
    return ast.copy_location(ast.Pass(), node)


HARMLESS = (ast.Constant, ast.Name, ast.Attribute, ast.Tuple, ast.List, ast.Dict, ast.Set, ast.UnaryOp, ast.BinOp,
            ast.operator, ast.unaryop, ast.Subscript, ast.Slice, ast.expr_context)
if sys.version_info < (3, 9):
    HARMLESS += (ast.Index,)
NUMBERS = {"array", "float32", "float64", "int32", "int64", "sqrt", "log", "exp", "zeros", "ones", "eye", "arange",
           "float", "int", "str", "dict", "list", "tuple", "set", "range"}


def constant(node, compare=False):
    """Whether computing an expression runs nothing but arithmetic."""
    if isinstance(node, ast.Lambda):
        return True
    if isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        plain = name in NUMBERS and not (isinstance(node.func, ast.Attribute) and not isinstance(node.func.value, ast.Name))
        return plain and all(map(constant, node.args)) and all(constant(item.value) for item in node.keywords)
    if compare and isinstance(node, (ast.Compare, ast.BoolOp)):
        children = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        return all(constant(child, True) for child in children)
    if not isinstance(node, HARMLESS):
        return False
    return all(constant(child) for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr))


def run(statement, module, name):
    tree = ast.Module(body=[statement], type_ignores=[])
    try:
        exec(compile(tree, name, "exec", dont_inherit=True), module.__dict__)
    except Exception as error:  # noqa: B902, an import may raise anything
        bind_missing(statement, module, error)


def bind_missing(statement, module, error):
    if not isinstance(statement, (ast.Import, ast.ImportFrom)):
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            reason = "its definition raises %s: %s" % (type(error).__name__, error)
            module.__dict__[statement.name] = Missing(statement.name, reason)
        return
    for alias in statement.names:
        if alias.name != "*":
            name = alias.asname or alias.name.split(".")[0]
            module.__dict__.setdefault(name, Missing(alias.name, error))


# ---------------------------------------------------------------------------------------------------------------------
# The little functions that deeplearning.ai hands out beside its notebooks, for notebooks that lie alone.


def course_helpers(name):
    if re.match(r"^(dnn_(app_)?utils\w*)$", name):
        return helpers(True)
    if re.match(r"^(planar|rnn|opt|reg|init|gc|lr|init|testing)?_?utils\w*$", name):
        return helpers(False)
    return None


def helpers(with_cache):
    sigmoid_of = lambda z: 1 / (1 + np.exp(-z))
    relu_of = lambda z: np.maximum(0, z)
    module = types.ModuleType("helpers")
    pair = (lambda f: lambda z: (f(z), z)) if with_cache else (lambda f: f)
    module.sigmoid, module.relu = pair(sigmoid_of), pair(relu_of)

    def softmax(x):
        shifted = np.exp(x - np.max(x))
        return shifted / shifted.sum(axis=0)

    def relu_backward(dA, cache):
        dZ = np.array(dA, copy=True)
        dZ[cache <= 0] = 0
        return dZ

    def sigmoid_backward(dA, cache):
        s = sigmoid_of(cache)
        return dA * s * (1 - s)

    def dictionary_to_vector(parameters):
        keys, parts = [], []
        for key in ["W1", "b1", "W2", "b2", "W3", "b3"]:
            part = np.reshape(parameters[key], (-1, 1))
            keys += [key] * part.shape[0]
            parts.append(part)
        return np.concatenate(parts, axis=0), keys

    def gradients_to_vector(gradients):
        names = ["dW1", "db1", "dW2", "db2", "dW3", "db3"]
        return np.concatenate([np.reshape(gradients[key], (-1, 1)) for key in names], axis=0)

    def vector_to_dictionary(theta):
        shapes = [("W1", (5, 4)), ("b1", (5, 1)), ("W2", (3, 5)), ("b2", (3, 1)), ("W3", (1, 3)), ("b3", (1, 1))]
        parameters, at = {}, 0
        for key, shape in shapes:
            count = shape[0] * shape[1]
            parameters[key] = theta[at : at + count].reshape(shape)
            at += count
        return parameters

    for function in (softmax, relu_backward, sigmoid_backward, dictionary_to_vector, gradients_to_vector, vector_to_dictionary):
        setattr(module, function.__name__, function)
    return module


# ---------------------------------------------------------------------------------------------------------------------
# What is written with PyTorch. It runs in 64-bit floats, on weights that the check sets.

MEMORY_BESIDE_TORCH = 2 << 30


def torch_here():
    """Why PyTorch cannot be imported, or nothing; then this Python and its version."""
    try:
        import torch
    except BaseException as error:  # noqa: B902, a broken PyTorch may raise anything
        return "%s: %s" % (type(error).__name__, error), sys.executable, sys.version.split()[0]
    return "", sys.executable, torch.__version__


def with_torch():
    """Imports PyTorch before the learner's file, and leaves that little memory beyond what it takes."""
    import torch

    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    torch.nn.functional.dropout = dropped
    try:
        import resource

        with open("/proc/self/statm") as file:
            size = int(file.read().split()[0]) * resource.getpagesize() + MEMORY_BESIDE_TORCH
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
    except (ImportError, OSError, ValueError):
        pass  # the limit that Striate has set holds


def dropped(input, p=0.5, training=True, inplace=False):
    """Dropout whose choice depends on the values alone: it is the same wherever in memory a layer keeps them."""
    torch = sys.modules["torch"]
    if not training or p == 0:
        return input
    return torch.where(torch.frac(input.abs() * 61.0) >= p, input / (1 - p), torch.zeros_like(input))


def tensors(*arrays):
    return [sys.modules["torch"].from_numpy(np.ascontiguousarray(array)) for array in arrays]


def plain(result):
    """A result with arrays of NumPy in place of tensors."""
    torch = sys.modules["torch"]
    if isinstance(result, (tuple, list)):
        return tuple(plain(part) for part in result)
    if not isinstance(result, torch.Tensor):
        return result
    array = result.detach().resolve_conj().numpy()
    return array.astype(np.float64) if result.is_floating_point() else array


def set_linear(layer, weight, bias):
    """Gives a layer its weight and bias."""
    torch = sys.modules["torch"]
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(np.array(weight)))
        layer.bias.copy_(torch.from_numpy(np.array(bias)))


def stand_in(function):
    """A module that computes a function, in place of a part of a layer that is not the question."""
    torch = sys.modules["torch"]

    class StandIn(torch.nn.Module):
        def forward(self, *arguments, **named):
            return function(*arguments, **named)

    return StandIn()


def attention(a, b, c):
    """In place of attention, something whose numbers show what it was given."""

    def of(query, key, value, attn_mask=None):
        masked = 0.0 if attn_mask is None else 0.01 * float(attn_mask.sum())
        return a * query + b * key.mean(1, keepdim=True) + c * value.mean(1, keepdim=True) + masked

    return stand_in(of)


class OneNumber(np.ndarray):
    """An array of which older versions of NumPy, for which the courses were written, make a number: float(b)."""

    def __float__(self):
        return float(self.item())


class Theirs(object):
    """The learner's file: what it defines, by name."""

    def __init__(self, path):
        self.__dict__["module"] = local_module(path)

    def __getattr__(self, name):
        try:
            return self.module.__dict__[name]
        except KeyError:
            raise NameError("%s has no %s" % (os.path.basename(self.module.__file__), name))

    def __setattr__(self, name, value):
        setattr(self.module, name, value)
