"""The part of a map that is read: what is refused, whole pixels of nm, and files."""

import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_eds import MapPart, ReadError, Recipe

NM = st.floats(0.01, 10)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"crop": ((0, 5), (3, 3))}, "ends after it begins, unlike 3 to 3"),
        ({"crop": (0, 5)}, r"crop must be \(\(first row, end\), \(first column, end\)\)"),
        ({"crop": ((0, 2.5), (0, 4))}, "whole numbers of pixels"),
        ({"crop": ((0, float("nan")), (0, 4)), "crop_unit": "nm"}, "numbers in nm"),
        ({"crop": ((0, 4), (0, 4)), "crop_unit": "um"}, "px or nm, not 'um'"),
        ({"frames": (0, 1.5)}, "whole numbers"),
        ({"rebin_energy": 0}, "whole number from 1"),
        ({"detectors": ()}, "at least one"),
        ({"energy_range_keV": (1, 2, 3)}, "a pair"),
    ],
)
def test_what_makes_no_sense_is_refused(values, message):
    with pytest.raises(ReadError, match=message):
        MapPart(**values)


@given(n=st.integers(1, 60), size=NM, ends=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_nm_keep_the_pixels_whose_centres_lie_inside(n, size, ends):
    low, high = sorted(end * n * size for end in ends)
    # Apart from centres and bounds that agree to rounding.
    inside = [i for i in range(n) if low <= (i + 0.5) * size < high]
    near = any(abs((i + 0.5) * size - end) < 1e-5 * size for i in range(n) for end in (low, high))
    if low >= high or near:
        return
    part = MapPart(crop=((low, high), (None, None)), crop_unit="nm")
    if not inside:
        with pytest.raises(ReadError, match="holds no pixel"):
            part.pixels((n, 7), (size, 1.0))
        return
    rows, columns = part.pixels((n, 7), (size, 1.0))
    assert list(range(n))[rows] == inside
    assert columns == slice(0, 7)


@pytest.mark.parametrize("unit", ["px", "nm"])
@pytest.mark.parametrize("crop", [((0, 11), (0, 5)), ((-1, 5), (0, 5)), ((0, 5), (None, 21))])
def test_a_crop_outside_of_the_map_names_its_size(crop, unit):
    with pytest.raises(ReadError, match="10 x 20 pixels"):
        MapPart(crop=crop, crop_unit=unit).pixels((10, 20), (1.0, 1.0))


def test_nm_need_pixels_of_a_size():
    part = MapPart(crop=((0, 3), (0, 3)), crop_unit="nm")
    with pytest.raises(ReadError, match="give the crop in pixels"):
        part.pixels((10, 10), (None, None))


@given(
    crop=st.none() | st.just(((1, 5), (None, 7))),
    frames=st.none() | st.just((2, 4)),
    detectors=st.none() | st.just(("SuperXG21", 3)),
    energies=st.none() | st.just((0.1, 0.3)),
    rebin=st.integers(1, 4),
)
def test_a_part_comes_back_from_json(crop, frames, detectors, energies, rebin):
    part = MapPart(
        crop=crop,
        frames=frames,
        detectors=detectors,
        energy_range_keV=energies,
        rebin_energy=rebin,
    )
    assert MapPart.from_dict(json.loads(json.dumps(part.to_dict()))) == part
    assert pickle.loads(pickle.dumps(part)) == part
    assert part.is_whole == (part == MapPart())
    assert bool(part.account()) != part.is_whole


def test_numbers_of_numpy_are_written_like_others():
    part = MapPart(
        detectors=[np.int64(1)],
        frames=np.array([0, 3]),
        crop=np.array([[0, 4], [1, 5]]),
        energy_range_keV=np.array([0.5, 9], np.float32),
        rebin_energy=np.uint8(2),
    )
    assert part == MapPart((1,), (0, 3), ((0, 4), (1, 5)), "px", (0.5, 9.0), 2)
    assert hash(part) == hash(MapPart.from_dict(part.to_dict()))
    with pytest.raises(ReadError, match="energy_axis must be numbers"):
        MapPart(energy_axis=("a", 1))


def test_a_recipe_keeps_the_part_beside_its_settings(tmp_path):
    path, plain = tmp_path / "recipe.json", tmp_path / "plain.json"
    recipe, part = Recipe(elements=("Fe", "O")), MapPart(crop=((0, 5), (2, 9)), frames=(0, 3))
    recipe.to_json(path, part)
    recipe.to_json(plain, MapPart())
    assert Recipe.from_json(path) == recipe == Recipe.from_json(plain)
    assert MapPart.from_recipe(path) == part
    assert MapPart.from_recipe(plain) == MapPart()
    assert "map_part" not in json.loads(plain.read_text())
    path.write_text('{"elements": ["Fe"], "map_part": {"crops": 3}}')
    with pytest.raises(ReadError, match="does not say which part"):
        MapPart.from_recipe(path)
    path.write_text("no JSON")
    with pytest.raises(ReadError, match=r"recipe\.json is no recipe"):
        MapPart.from_recipe(path)
