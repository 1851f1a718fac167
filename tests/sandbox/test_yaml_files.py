"""Strict YAML: what it reads, and that whatever else it is given is one short sentence."""

import pytest

from sandbox.errors import SandboxError
from sandbox.yaml_files import parse_yaml, read_yaml


def sentence(text):
    with pytest.raises(SandboxError) as caught:
        parse_yaml(text, "mine.yaml")
    said = str(caught.value)
    assert said.startswith("mine.yaml")
    assert "\n" not in said
    assert len(said) < 300
    return said


def bomb(levels, width=9):
    """Lists of aliases to lists of aliases: width ** levels values from a few hundred bytes."""
    lines = ["a0: &a0 [" + "x, " * width + "]"]
    lines += [f"a{i}: &a{i} [" + f"*a{i - 1}, " * width + "]" for i in range(1, levels)]
    return "\n".join(lines)


class TestReads:
    def test_aliases_and_merge_keys(self):
        text = "base: &b {x: 1, y: 2}\nmine: {<<: *b, y: 3}\nboth: {<<: [{y: 7}, *b], z: 4}\nlist: [*b, *b]\n"
        assert parse_yaml(text, "t") == {
            "base": {"x": 1, "y": 2},
            "mine": {"x": 1, "y": 3},
            "both": {"x": 1, "y": 7, "z": 4},
            "list": [{"x": 1, "y": 2}] * 2,
        }

    def test_a_merge_at_the_top_wherever_it_stands(self):
        assert parse_yaml("name: m\n<<: {name: n, horizon_h: 3}\n", "t") == {"name": "m", "horizon_h": 3}

    def test_no_merge_without_its_sign(self):
        assert parse_yaml('"<<": {a: 1}', "t") == {"<<": {"a": 1}}

    def test_bounded_expansion_is_fine(self):
        assert len(parse_yaml(bomb(4), "t")["a3"]) == 9

    @pytest.mark.parametrize("text", ["2026-02-30", "2026-02-28T25:00:00", "9" * 5_000, "="])
    def test_what_only_looks_like_a_date_or_number_stays_text(self, text):
        assert parse_yaml(f"a: {text}", "t") == {"a": text}

    @pytest.mark.parametrize("text", ["", "  \n# nothing\n"])
    def test_nothing(self, text):
        assert parse_yaml(text, "t") is None

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    def test_encodings(self, tmp_path, encoding):
        path = tmp_path / "a.yaml"
        path.write_bytes("name: Malmö\n".encode(encoding))
        assert read_yaml(path) == {"name": "Malmö"}


class TestRefuses:
    @pytest.mark.parametrize(
        ("text", "says"),
        [
            (bomb(10), "aliases within aliases make more than 200,000 values"),
            (bomb(60, 1), "aliases within aliases"),
            ("a: &a [*a]", "an alias stands within the value that it names"),
            ("a: &a {b: {c: *a}}", "an alias stands within the value that it names"),
            ("a: &a {<<: *a}", "an alias stands within"),
            ("? &a [*a]\n: 1", "an alias stands within"),
            ("a: *b", "undefined alias 'b'"),
            ("a: " + "[" * 2_000 + "]" * 2_000, "nested more than 50 levels deep"),
            ("a: " + "{b: " * 2_000, "nested more than 50 levels deep"),
            ("- " * 2_000 + "x", "nested more than 50 levels deep"),
            ("a: !!int abc", "line 1: a: 'abc' is no int"),
            ("a:\n  b: !!float x", "line 2: a.b: 'x' is no float"),
            ("a: !!timestamp x", "'x' is no timestamp"),
            ("a: !!binary x%", "'x%' is no binary"),
            ("a: !!omap [1]", "a sequence is no omap"),
            (
                "a: !!python/object/apply:os.system [ls]",
                "type '!!python/object/apply:os.system' is not known",
            ),
            ("a: !" + "x" * 9_000 + " 1", "is not known here"),
            ("a: 1\na: 2", "line 2: field 'a' is given twice"),
            ("2026-01-01: 1", "field 2026-01-01 is not text"),
            ("[a]: 1", "field ['a'] is not text"),
            ("<<: 3", "<< takes the fields of a mapping"),
            ("<<: [1]", "<< takes the fields of a mapping"),
            ("a: 1\n---\nb: 2", "a second document begins"),
            ("a: [1, 2", "the text ends within a bracket"),
            ("a: \0", "character '\\x00' cannot stand in YAML"),
        ],
    )
    def test_in_a_sentence(self, text, says):
        assert says in sentence(text)

    @pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"name: Malm\xf6", bytes(range(256))])
    def test_what_is_no_text(self, tmp_path, content):
        path = tmp_path / "a.yaml"
        path.write_bytes(content)
        with pytest.raises(SandboxError, match="cannot be read as text"):
            read_yaml(path)

    def test_what_is_too_large(self, tmp_path, monkeypatch):
        monkeypatch.setattr("sandbox.yaml_files.MOST_BYTES", 100)
        path = tmp_path / "a.yaml"
        path.write_text("#" * 101)
        with pytest.raises(SandboxError, match="has more than"):
            read_yaml(path)

    def test_a_folder(self, tmp_path):
        with pytest.raises(SandboxError, match="cannot be read"):
            read_yaml(tmp_path)
