"""A film of a recording: MP4 by ffmpeg, or an animated GIF or WebP by Pillow."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from experiments.running.export import open_recording
from experiments.running.progress import bar
from sandbox.errors import SandboxError
from sandbox.files import MARK, check_replaceable, marked, replacing
from sandbox.recording import Recording
from sandbox.rendering import Rasteriser

HOUR = 3600.0
LONGEST_S = 30.0  # of a film whose pace is not given
FASTEST_S = 300.0  # from frame to frame: beyond it a satellite no longer seems to move
GIF_COLOURS = 64
_XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
    f'xmp:CreatorTool="{MARK}"/></rdf:RDF></x:xmpmeta>'
).encode()
Told = Callable[[str, int], None]
DRAWN, WRITTEN = "drawing frames", "writing frames"
"""What is told of, with the number of frames."""
WRITERS = (".mp4", ".gif", ".webp")


def video(
    source: Path | str | Recording,
    out: Path | str,
    *,
    show: str = "both",
    size: tuple[int, int] = (960, 480),
    fps: int = 20,
    every: int | None = None,
    start_h: float = 0.0,
    hours: float | None = None,
    fine: int = 2,
    progress: bool = True,
) -> Path:
    """Film a recording, or the one at `source`, from `start_h` on for `hours` (to its end); the path.

    `show` is "globe" (seen from among the stars), "map" or "both", `size` in pixels, both even. Every so many
    rounds make a frame: by default as many as make a film of 30 s at most. `fine` draws that much larger and
    averages. Raises SandboxError for an ending there is none for, no recording, a span that is not in it, and
    a file at `out` that is not a film of ours.
    """
    out = Path(out)
    if out.suffix not in WRITERS:
        raise SandboxError(f"{out}: no such film; let the name end in {', '.join(WRITERS)}.")
    if size[0] % 2 or size[1] % 2:
        raise SandboxError(f"size = {size}; films take even numbers of pixels.")
    if not 1 <= fps <= 100:
        raise SandboxError(f"fps = {fps}; give 1 to 100.")
    check_replaceable(out, marked)
    recording = source if isinstance(source, Recording) else open_recording(source)
    rounds = _rounds(recording, start_h, hours, every, fps)
    camera = Rasteriser(size, show, longitude=_side(recording, rounds[0]), inertial=True, fine=fine)
    with bar(DRAWN, len(rounds), progress) as told, replacing(out, marked) as draft:
        write_frames(_drawn(camera, recording, rounds, told), draft, size, fps, out.suffix, told)
    return out


def write_frames(
    frames: Iterator[np.ndarray], path: Path, size: tuple[int, int], fps: int, suffix: str, told: Told
) -> None:
    """Write images (height, width, 3) of `size` as a film of the kind of `suffix`, one of `WRITERS`."""
    if suffix == ".mp4":
        _write_mp4(frames, path, size, fps)
    else:
        _write_animation(frames, path, fps, suffix, told)


def _drawn(camera: Rasteriser, recording: Recording, rounds: np.ndarray, told: Told) -> Iterator[np.ndarray]:
    for k in rounds:
        yield camera.draw(recording, int(k))
        told(DRAWN, len(rounds))


def _rounds(
    recording: Recording, start_h: float, hours: float | None, every: int | None, fps: int
) -> np.ndarray:
    recording.frame()  # refuses an empty one
    elapsed = (recording["time"] - recording["time"][0]) / HOUR
    end_h = np.inf if hours is None else start_h + hours
    inside = np.flatnonzero((elapsed >= start_h) & (elapsed <= end_h))
    if not len(inside):
        raise SandboxError(f"start_h = {start_h:g} lies outside the run, which lasts {elapsed[-1]:.2f} h.")
    if every is None:
        step_s = float(np.median(np.diff(recording["time"]))) if len(elapsed) > 1 else FASTEST_S
        every = max(1, min(int(np.ceil(len(inside) / (LONGEST_S * fps))), int(FASTEST_S // step_s)))
    if every < 1:
        raise SandboxError(f"every = {every}; give a number of rounds of at least 1.")
    return inside[::every]


def _side(recording: Recording, k: int) -> float:
    """The inertial longitude from which most of the fleet is seen at first, somewhat from aside."""
    position = recording["position"][k].astype(float)
    return float(np.angle((position[:, 0] + 1j * position[:, 1]).sum())) + 0.6


def _write_mp4(frames: Iterator[np.ndarray], path: Path, size: tuple[int, int], fps: int) -> None:
    ffmpeg = _imported("imageio_ffmpeg", "imageio-ffmpeg")
    # the draft has no ending that ffmpeg would know the format by
    how = ["-f", "mp4", "-movflags", "+faststart", "-preset", "slow", "-crf", "23"]
    how += ["-metadata", f"comment={MARK}"]
    writer = ffmpeg.write_frames(
        str(path), size, fps=fps, codec="libx264", macro_block_size=2, output_params=how
    )
    writer.send(None)
    try:
        for frame in frames:
            writer.send(np.ascontiguousarray(frame))
    finally:
        writer.close()


def _write_animation(frames: Iterator[np.ndarray], path: Path, fps: int, suffix: str, told: Told) -> None:
    pillow = _imported("PIL.Image", "pillow")
    pictures = [pillow.fromarray(frame) for frame in frames]
    how: dict[str, Any] = {"save_all": True, "duration": round(1000 / fps), "loop": 0}
    if suffix == ".gif":
        pictures, how = _indexed(pictures), how | {"optimize": False, "comment": MARK.encode()}
    else:
        how |= {"quality": 60, "method": 4, "xmp": _XMP}
    for picture in pictures:
        picture.seek = _telling(picture.seek, told, len(pictures))
    pictures[0].save(path, suffix[1:].upper(), append_images=pictures[1:], **how)


def _telling(seek: Callable[[int], None], told: Told, of: int) -> Callable[[int], None]:
    """Tells when Pillow comes to a picture, which it does by looking for the first frame of it."""

    def first(frame: int) -> None:
        seek(frame)
        if frame == 0:
            told(WRITTEN, of)

    return first


def _indexed(pictures: list[Any]) -> list[Any]:
    """In one palette without dithering: what does not change is then left out of the next frame."""
    palette = _sheet(pictures[:: max(1, len(pictures) // 8)]).quantize(GIF_COLOURS, method=2)
    return [picture.quantize(palette=palette, dither=0) for picture in pictures]


def _sheet(pictures: list[Any]) -> Any:
    """All of them below one another."""
    pillow = _imported("PIL.Image", "pillow")
    width, height = pictures[0].size
    sheet = pillow.new("RGB", (width, height * len(pictures)))
    for i, picture in enumerate(pictures):
        sheet.paste(picture, (0, i * height))
    return sheet


def _imported(module: str, package: str) -> Any:
    from importlib import import_module

    try:
        return import_module(module)
    except ImportError:
        raise SandboxError(f"{package} is not installed; run: pip install {package}") from None
