"""YAML, strictly: what may go wrong in a file of a user's is one sentence with its name and the line.

Aliases and merge keys (`<<`) are YAML 1.1's. A key given twice, a value that holds itself, nesting beyond
`DEEPEST`, aliases that multiply into more than `MOST_ALIASED` values and a second document are errors. What
only looks like a date or a number and is none (2026-02-30, a number of 5,000 digits) stays text, so that the
field that it is meant for says what is wrong with it.
"""

import codecs
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from sandbox.errors import SandboxError, printable, shown
from sandbox.plain_data import DEEPEST, field_name

MOST_BYTES = 64 * 2**20
"""Of a file: six times what 100,000 satellites with their elements take."""
MOST_ALIASED = 200_000
"""Values that aliases add to those that are written out."""
MERGE = "tag:yaml.org,2002:merge"
_PLAIN_TAGS = yaml.resolver.BaseResolver
_FAULTS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What the makers of YAML's values raise of values that are none."""
Path_ = tuple[str | int, ...]


def read_yaml(path: Path) -> Any:
    """The content of a YAML file. Raises SandboxError for one that cannot be read or is not as above."""
    return parse_yaml(_text(path), printable(path.name))


def parse_yaml(text: str, where: str) -> Any:
    """The value that `text` states; `where` is what an error calls it. Raises SandboxError."""
    loader: Any = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        return None if node is None else _Values(loader).value(node, ())
    except yaml.YAMLError as error:
        raise SandboxError(_sentence(error, where)) from None
    finally:
        if loader is not None:
            loader.dispose()


def _text(path: Path) -> str:
    name = shown(str(path), 120)
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SandboxError(f"File {name} cannot be read ({printable(reason)}); check the path.") from None
    if len(content) > MOST_BYTES:
        raise SandboxError(f"File {name} has more than {MOST_BYTES // 2**20} MB; that is no scenario.")
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise SandboxError(
            f"File {name} cannot be read as text: byte 0x{content[error.start]:02x} at {error.start} is not "
            "UTF-8; save it in that encoding."
        ) from None


def _sentence(error: yaml.YAMLError, where: str) -> str:
    if isinstance(error, yaml.reader.ReaderError):
        return f"{where}: character {shown(chr(error.character))} cannot stand in YAML; is this a text file?"
    mark = getattr(error, "problem_mark", None)
    line = f" line {mark.line + 1}" if mark else ""
    what = printable(getattr(error, "problem", None) or "not valid YAML", 300).removesuffix(".")
    return f"{where}{line}: {_WORDS.get(what, what)}."


_WORDS = {
    "but found another document": "a second document begins here; keep one",
    "expected ',' or ']', but got '<stream end>'": "the text ends within a bracket; close it",
    "expected ',' or '}', but got '<stream end>'": "the text ends within a brace; close it",
    "mapping values are not allowed here": "a colon stands where no field can begin; put the text in quotes "
    "or mend the indentation",
    "could not find expected ':'": "a colon is missing after the name of a field",
}
"""Of the parser's messages, those that a reader of YAML's grammar alone understands."""


class _Fault(yaml.MarkedYAMLError):
    """A fault of ours at `node`."""

    def __init__(self, node: Node, problem: str) -> None:
        super().__init__(None, None, problem, node.start_mark)


class _Loader(yaml.SafeLoader):
    """Measures every node when it is complete: its levels, and its values with all that aliases repeat."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.level, self.written = 0, 0
        self.sizes: dict[Node, tuple[int, int]] = {}

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        alias = self.check_event(yaml.AliasEvent)
        if self.level > DEEPEST:
            raise yaml.MarkedYAMLError(
                None, None, f"brackets or fields are nested more than {DEEPEST} levels deep",
                self.peek_event().start_mark,
            )  # fmt: skip
        mark = self.peek_event().start_mark
        self.level += 1
        node = super().compose_node(parent, index)
        self.level -= 1
        if alias and node not in self.sizes:
            raise yaml.MarkedYAMLError(None, None, "an alias stands within the value that it names", mark)
        if node is not None and not alias:
            self.written += 1
            self._measure(node)
        return node

    def _measure(self, node: Node) -> None:
        parts = node.value if isinstance(node, SequenceNode) else ()
        if isinstance(node, MappingNode):
            parts = [part for pair in node.value for part in pair]
        sizes = [self.sizes[part] for part in parts]
        size = 1 + sum(size for size, _ in sizes)
        level = 1 + max((level for _, level in sizes), default=0)
        if size > self.written + MOST_ALIASED or level > DEEPEST:
            raise _Fault(
                node, f"aliases within aliases make more than {MOST_ALIASED:,} values; write out what differs"
            )
        self.sizes[node] = size, level


class _Values:
    """Python's values out of nodes. What is named by several aliases is made once."""

    def __init__(self, loader: _Loader) -> None:
        self.loader = loader
        self.made: dict[Node, Any] = {}

    def value(self, node: Node, path: Path_) -> Any:
        if node not in self.made:
            self.made[node] = self._make(node, path)
        return self.made[node]

    def _make(self, node: Node, path: Path_) -> Any:
        if isinstance(node, MappingNode) and node.tag == _PLAIN_TAGS.DEFAULT_MAPPING_TAG:
            return self._mapping(node, path)
        if isinstance(node, SequenceNode) and node.tag == _PLAIN_TAGS.DEFAULT_SEQUENCE_TAG:
            return [self.value(item, (*path, i)) for i, item in enumerate(node.value)]
        if node.tag not in self.loader.yaml_constructors and not _is_implicit(node, self.loader):
            tag = shown(node.tag.replace("tag:yaml.org,2002:", "!!"))
            raise _Fault(node, f"{_at(path)}the type {tag} is not known here; write a plain value")
        if isinstance(node, ScalarNode) and node.tag == MERGE:
            return node.value
        try:
            return self.loader.construct_object(node, deep=True)
        except (*_FAULTS, yaml.constructor.ConstructorError):
            if _is_implicit(node, self.loader):
                return node.value
            kind = node.tag.rpartition(":")[2]
            raise _Fault(node, f"{_at(path)}{_raw(node)} is no {kind}; write a plain value") from None

    def _mapping(self, node: MappingNode, path: Path_) -> dict[str, Any]:
        """The fields of a mapping over those of what it merges (`<<`), of which the first named wins."""
        own: dict[str, Any] = {}
        below: list[dict[str, Any]] = []
        for key_node, value_node in node.value:
            if key_node.tag == MERGE:
                below += self._merged(value_node, path)
                continue
            key = self.value(key_node, path)
            if not isinstance(key, str):
                raise _Fault(key_node, f"{_at(path)}field {shown(key)} is not text; put it in quotes")
            if key in own:
                raise _Fault(key_node, f"field {shown(key)} is given twice; keep one")
            own[key] = self.value(value_node, (*path, key))
        found: dict[str, Any] = {}
        for fields in reversed(below):
            found |= fields
        return found | own

    def _merged(self, node: Node, path: Path_) -> list[dict[str, Any]]:
        found = self.value(node, (*path, "<<"))
        several = found if isinstance(found, list) else [found]
        if not all(isinstance(each, dict) for each in several):
            raise _Fault(node, f"{_at(path)}<< takes the fields of a mapping, or of a list of mappings")
        return several


def _is_implicit(node: Node, loader: _Loader) -> bool:
    """Whether this is a scalar whose type was read off its text, not stated by a tag."""
    return (
        isinstance(node, ScalarNode)
        and node.style is None
        and loader.resolve(ScalarNode, node.value, (True, False)) == node.tag
    )


def _raw(node: Node) -> str:
    return shown(node.value) if isinstance(node, ScalarNode) else f"a {node.id}"


def _at(path: Path_) -> str:
    return f"{field_name(path)}: " if path else ""
