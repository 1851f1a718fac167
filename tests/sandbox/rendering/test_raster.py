"""Still pictures: what is where, what is hidden, what is bright."""

import numpy as np
import pytest
from flown import flown, linked

from sandbox.errors import SandboxError
from sandbox.recording import Recording
from sandbox.rendering import Rasteriser, picture
from sandbox.rendering.canvas import Canvas
from sandbox.rendering.palette import mode_colours, rgb
from sandbox.rendering.projection import Globe, Map, direction, turned
from sandbox.rendering.raster import SHOWN, STRIP, moment
from sandbox.rendering.text import written


def without(recording, *names):
    """The recording with no satellite doing, and no target there, so that only the fleet is drawn."""
    arrays = dict(recording.arrays)
    for name in names:
        arrays[name] = np.full_like(arrays[name], -1) if name in ("station", "target") else arrays[name][:0]
    return Recording(recording.meta, arrays, recording.events)


@pytest.fixture(scope="module")
def bare():
    recording = flown(targets=0)
    return without(recording, "station", "target", "station_latitude", "station_longitude")


@pytest.mark.parametrize("show", SHOWN)
def test_an_image_is_an_image_and_always_the_same(circles, show):
    images = [Rasteriser(show=show).draw(circles, 7) for _ in range(2)]
    assert images[0].shape == (480, 640, 3)
    assert images[0].dtype == np.uint8
    np.testing.assert_array_equal(*images)
    assert (Rasteriser(show=show).draw(circles, 8) != images[0]).any()


def test_satellites_on_the_map_are_where_their_latitude_and_longitude_are(bare):
    image = Rasteriser().draw(bare, 9)
    colours = mode_colours(bare.meta["mode_names"], dark=True)
    for n in range(12):
        x = 320 + 640 * bare["longitude"][9, n] / (2 * np.pi)
        y = (480 - STRIP) / 2 - 640 * bare["latitude"][9, n] / (2 * np.pi)
        near = image[round(y) - 2 : round(y) + 3, round(x) - 2 : round(x) + 3].reshape(-1, 3)
        assert (near == rgb(colours[bare["mode"][9, n]])).all(axis=1).any()


def test_a_satellite_behind_the_earth_leaves_no_pixel(bare):
    angle = float(bare["earth_angle"][9])
    space = turned(bare["position"][9] / 6_378_137.0, angle)
    middle = np.angle(space[0, 0] + 1j * space[0, 1])
    latitude = np.arcsin(space[0, 2] / np.linalg.norm(space[0]))
    drawn = []
    for turn, tilt in ((middle, latitude), (middle + np.pi, -latitude)):
        raster = Rasteriser(show="globe", longitude=turn, latitude=tilt)
        arrays = {n: a[9:10] if len(a) == 40 else a for n, a in bare.arrays.items()}
        alone = {n: a[:, :1] if a.shape[:2] == (1, 12) else a for n, a in arrays.items()}
        image = raster.draw(Recording(bare.meta, alone, bare.events))[: 480 - STRIP]
        colour = rgb(mode_colours(bare.meta["mode_names"], dark=True)[bare["mode"][9, 0]])
        drawn.append((image == colour).all(axis=2).sum())
    assert drawn[0] > 20
    assert drawn[1] == 0


def test_the_sunny_side_is_brighter(bare):
    """The Sun stands over longitude -0.7 at the start."""
    cameras = (Rasteriser(show="globe", longitude=-0.7 + turn, latitude=0) for turn in (0, np.pi))
    noon, midnight = (camera.draw(bare, 0) for camera in cameras)
    middle = np.s_[160:260, 270:370]
    assert noon[middle].mean() > 2 * midnight[middle].mean()


def test_links_are_drawn_while_they_are_up(bare):
    recording = linked(bare)
    changed = [(Rasteriser().draw(recording, k) != Rasteriser().draw(bare, k)).any(axis=2) for k in (10, 11)]
    assert changed[0].sum() > 500
    assert not changed[1].any()


def test_fine_is_the_same_picture(circles):
    coarse = Rasteriser(show="globe").draw(circles, 3).astype(float)
    fine = Rasteriser(show="globe", fine=2).draw(circles, 3).astype(float)
    assert np.abs(coarse - fine).mean() < 6


def test_a_large_fleet_and_no_targets_are_drawn_too():
    many = flown(satellites=300, rounds=2, targets=0, optional=())
    assert Rasteriser().draw(many).std() > 10
    assert picture(many, size=(320, 240)).shape == (240, 320, 3)


def test_inertial_camera_stays_with_the_stars(bare):
    """An hour on, the Earth has turned by a sixth of a right angle below a camera that has not."""
    raster = Rasteriser(show="globe", inertial=True, longitude=1.0)
    cameras = [raster._camera(640, 418, float(bare["earth_angle"][k]), "globe") for k in (0, 39)]
    turned_by = (cameras[0].longitude - cameras[1].longitude) % (2 * np.pi)
    assert turned_by == pytest.approx(bare["earth_angle"][39] - bare["earth_angle"][0], abs=1e-5)


def test_globe_and_map_agree_with_geometry():
    globe = Globe(0.0, 0.0, 100.0, (200.0, 150.0))
    at, seen = globe.pixels(direction([0.0, np.pi / 2, 0.0, 0.0], [0.0, 0.0, np.pi / 2 - 1e-9, np.pi]))
    np.testing.assert_allclose(at, [[200, 150], [200, 50], [300, 150], [200, 150]], atol=1e-6)
    assert seen.tolist() == [True, True, True, False]
    at, _ = Map(360, (180.0, 90.0)).pixels(direction(np.radians([0.0, 45.0]), np.radians([-90.0, 179.0])))
    np.testing.assert_allclose(at, [[90, 90], [359, 45]], atol=1e-6)
    up, off = Globe(0.3, 1.0, 50.0, (60.0, 60.0)).ground(120, 120)
    np.testing.assert_allclose(np.linalg.norm(up[off < 1], axis=-1), 1.0)


def test_canvas_clips_and_blends():
    canvas = Canvas(np.zeros((20, 30, 3), np.uint8))
    canvas.dots(np.array([[0.0, 0.0], [-50.0, 5.0], [29.0, 19.0]]), np.array([255, 0, 0]), 2.0)
    canvas.lines(np.array([[5.0, 10.0]]), np.array([[25.0, 10.0]]), np.array([0, 200, 0]), 0.5)
    assert canvas.image[0, 0].tolist() == [255, 0, 0]
    assert (canvas.image[10, 5:26] == [0, 100, 0]).all()
    assert canvas.image[10, 4].sum() == 0
    canvas.lines(np.empty((0, 2)), np.empty((0, 2)), np.array([0, 0, 0]))


def test_letters_are_dots():
    assert written("T").shape == (7, 6)
    assert written("T")[0, :5].all()
    assert written("T")[:, 2].all()
    assert written("a b·c", 2).shape == (14, 60)
    assert not written(" ·").any()


@pytest.mark.parametrize(
    ("how", "said"), [({"size": (10, 10)}, "size = "), ({"show": "cube"}, "show = 'cube'")]
)
def test_mistakes(how, said):
    with pytest.raises(SandboxError, match=said):
        Rasteriser(**how)


def test_the_moment(circles):
    assert moment(circles, 1) == "2026-03-20 12:01:00 UTC"
    assert moment(Recording({}, circles.arrays, circles.events), 30) == "T+0.50 h"
