"""`export` and `video`: a recording on disk becomes a file for other programs."""

import json

import numpy as np
import pytest

from experiments.running.cli import main
from experiments.running.export import FORMATS, export, open_recording, unlike
from experiments.running.video import video
from sandbox.errors import SandboxError
from sandbox.recording import Recording


@pytest.fixture(scope="module")
def saved(tmp_path_factory, synthetic_fleet):
    return synthetic_fleet.save(tmp_path_factory.mktemp("saved") / "fleet.npz")


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_by_the_command_line(saved, tmp_path, suffix, capsys):
    out = tmp_path / f"out{suffix}"
    assert main(["export", str(saved), str(out), "--every", "4"]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    assert out.stat().st_size > 1000


def test_parquet_is_the_table_thinned(saved, tmp_path, synthetic_fleet):
    pandas = pytest.importorskip("pandas")
    table = pandas.read_parquet(export(saved, tmp_path / "t.parquet", every=10))
    assert len(table) == 12 * 60
    expected = synthetic_fleet["battery"][::10].ravel()
    np.testing.assert_array_equal(table["battery"], expected)
    assert set(table["time"]) == set(synthetic_fleet["time"][::10])
    names = np.array(synthetic_fleet.meta["mode_names"])
    assert table["mode"].tolist() == names[synthetic_fleet["mode"][::10].ravel()].tolist()


def test_columns_tell_their_units(saved, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    schema = parquet.read_schema(export(saved, tmp_path / "t.parquet"))
    assert schema.field("temperature").metadata[b"unit"] == b"K"
    assert schema.field("battery").metadata[b"description"] == b"state of charge, share of capacity"


def test_json_formats_are_json(saved, tmp_path):
    assert json.loads(export(saved, tmp_path / "a.czml").read_text())[0]["id"] == "document"
    assert json.loads(export(saved, tmp_path / "a.geojson").read_text())["type"] == "FeatureCollection"


def test_two_on_a_page(saved, tmp_path):
    text = export(saved, tmp_path / "two.html", beside=saved).read_text()
    assert text.count('class="pack"') == 2


def test_up_to_four_on_a_page(saved, tmp_path):
    out = tmp_path / "some.html"
    assert main(["export", str(saved), "--beside", str(saved), "--beside", str(saved), str(out)]) == 0
    assert out.read_text().count('class="pack"') == 3
    with pytest.raises(SandboxError, match="5 recordings; a page shows 1 to 4"):
        export(saved, out, beside=[saved] * 4)


def test_two_that_do_not_compare_are_told(saved, tmp_path, synthetic_fleet, capsys):
    other = Recording(
        synthetic_fleet.meta | {"epoch": "2031-01-01T00:00:00Z", "seed": 4},
        synthetic_fleet.arrays,
        synthetic_fleet.events,
    )
    beside = str(other.save(tmp_path / "other.npz"))
    assert unlike(other, other) == unlike(synthetic_fleet, synthetic_fleet) == ""
    assert main(["export", str(saved), str(tmp_path / "two.html"), "--beside", beside]) == 0
    epoch, told = synthetic_fleet.meta["epoch"], capsys.readouterr().out.splitlines()[-1]
    assert f"beginning {epoch} and 2031-01-01T00:00:00Z" in told
    assert main(["export", str(saved), str(tmp_path / "same.html"), "--beside", str(saved)]) == 0
    assert "alike" not in capsys.readouterr().out


def test_a_results_folder_is_opened(tmp_path, saved):
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "metrics.json").write_text("{}")
    with pytest.raises(SandboxError, match="no recording"):
        open_recording(tmp_path / "r")
    assert isinstance(open_recording(saved), Recording)


@pytest.mark.parametrize("suffix", [".mp4", ".gif", ".webp"])
def test_films(saved, tmp_path, suffix, capsys):
    pytest.importorskip("imageio_ffmpeg" if suffix == ".mp4" else "PIL")
    out = tmp_path / f"film{suffix}"
    size = ["--size", "400", "300"]
    assert main(["video", str(saved), str(out), *size, "--every", "20", "--show", "globe"]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    frames, shape = _read(out)
    assert frames == 6
    assert shape == (400, 300)


def _read(path):
    """Number of frames and size of a film."""
    if path.suffix == ".mp4":
        import imageio_ffmpeg

        reader = imageio_ffmpeg.read_frames(str(path))
        meta = next(reader)
        return sum(1 for _ in reader), tuple(meta["size"])
    from PIL import Image

    with Image.open(path) as image:
        return image.n_frames, image.size


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda r, d: export(r, d / "a.doc"), "no such format"),
        (lambda r, d: export(r, d / "a.czml", every=0), "every = 0"),
        (lambda r, d: export(r, d / "a.czml", beside=r), "only a page"),
        (lambda r, d: export(d / "none", d / "a.czml"), "no such recording"),
        (lambda r, d: video(r, d / "a.avi"), "no such film"),
        (lambda r, d: video(r, d / "a.gif", size=(401, 300)), "even numbers"),
        (lambda r, d: video(r, d / "a.gif", fps=0), "fps = 0"),
        (lambda r, d: video(r, d / "a.gif", every=0), "every = 0"),
        (lambda r, d: video(r, d / "a.gif", start_h=9.0), "outside the run"),
        (lambda r, d: video(r, d / "a.gif", show="cube"), "show = 'cube'"),
    ],
)
def test_mistakes_are_one_sentence_and_leave_nothing(saved, tmp_path, make, sentence):
    with pytest.raises(SandboxError, match=sentence):
        make(saved, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_film_without_its_encoder(saved, tmp_path, monkeypatch, capsys):
    import sys

    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    assert main(["video", str(saved), str(tmp_path / "a.mp4")]) == 2
    assert "pip install imageio-ffmpeg" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [*FORMATS, ".gif", ".webp", ".mp4"])
def test_only_files_of_ours_are_written_over(saved, tmp_path, suffix, capsys):
    out, film = tmp_path / f"out{suffix}", suffix in (".gif", ".webp", ".mp4")
    command = ["video", str(saved), str(out), "--size", "320", "240", "--every", "60", "--show", "map"]
    command = command if film else ["export", str(saved), str(out), "--every", "8"]
    out.write_text("mine")
    assert main(command) == 2
    assert f"{out.name} was not written by this sandbox" in capsys.readouterr().err
    assert out.read_text() == "mine"
    out.unlink()
    assert main(command) == 0
    assert main(command) == 0
    assert out.stat().st_size > 1000
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
