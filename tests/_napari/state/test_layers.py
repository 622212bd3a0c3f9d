"""Opening and saving through napari, without a window."""

import numpy as np
import pandas as pd
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer

import napari_eds as eds
from napari_eds._napari.parts.numbers import with_error
from napari_eds._napari.reader import get_reader
from napari_eds._napari.state.layers import (
    QUANTIFICATION,
    SPECTRUM_IMAGE,
    geometry,
    image_layers,
    maps_of,
    show_result,
)
from napari_eds._napari.writer import write_csv
from window_actions import ALLOY, SMALL

MAPS = [
    SMALL,
    ALLOY,
    "real/velox/fei_SI_SuperX-HAADF_10frames_10x50.emd",
    "real/bruker/P45_12bit_packed_8bit.bcf",
    "real/jeol/64.pts",
    "real/hspy/bare_core.hdf5",
    "real/phenom/Elid2Version4.elid",
    "real/ripple/bruker_bcf_fileformat_16x16.rpl",
    "real/velox/EDS-STO.emd",
]


@pytest.fixture(scope="module")
def result(lfo_sto_96, k_factor_file):
    k_factors = eds.read_k_factors(k_factor_file)
    recipe = eds.Recipe(
        elements=("La", "Fe", "O", "Sr", "Ti"), fit_only=("Cu", "C", "Pt"), k_factors=k_factors
    )
    return eds.quantify(lfo_sto_96, eds.grid_chips(lfo_sto_96.shape, 16), recipe)


@pytest.mark.parametrize("name", MAPS)
def test_opening_gives_layers_with_scale_and_units(name, eds_file):
    path = eds_file(name)
    reader = get_reader(str(path))
    images = eds.read(path, spectra=True)

    layers = [Layer.create(*layer) for layer in reader(str(path))]

    maps = [layer for layer in layers if SPECTRUM_IMAGE in layer.metadata]
    spectra = [image for image in images if image.n_pixels == 1]
    assert len(maps) == len(images) - len(spectra) + bool(spectra), "one layer for all spectra"
    # What a file holds beside maps lies below them.
    images = spectra[:1] + [image for image in images if image not in spectra]
    for layer, image in zip(maps, images, strict=True):
        assert layer.data.shape == image.shape
        assert layer.data.sum() == image.xray_counts
        np.testing.assert_allclose(layer.scale, image.pixel_size)
        assert layer.axis_labels == ("row", "column")
        units = {str(unit) for unit in layer.units}
        assert units == {str(maps[-1].units[0])} or image in spectra, "no clash: see `units`"


def test_images_of_the_file_lie_on_the_map(eds_file):
    layers = get_reader(str(eds_file(MAPS[1])))(str(eds_file(MAPS[1])))
    names = [attributes["name"] for _, attributes, _ in layers]
    assert any("HAADF" in name for name in names)
    assert len({tuple(attributes["scale"]) for _, attributes, _ in layers}) == 1


@pytest.mark.parametrize("path", ["picture.png", "notes.txt", ["a.emd", "b.png"], []])
def test_other_files_are_left_to_other_readers(path):
    assert get_reader(path) is None


def test_a_file_that_is_no_eds_map_is_explained(eds_file):
    path = str(eds_file("real/hspy/SiO2 HAADF Image.hspy"))
    with pytest.raises(eds.ReadError, match=r"(?i)no EDS|not an EDS|image"):
        get_reader(path)(path)


def test_result_becomes_maps_and_features(result):
    viewer, labels = _viewer_with(result)

    shown = _show(viewer, labels, result)

    assert [layer.name.split()[0] for layer in shown] == list(result.elements)
    for layer, (element, expected) in zip(shown, result.maps().items(), strict=True):
        np.testing.assert_array_equal(layer.data, expected)
        np.testing.assert_allclose(layer.scale, labels.scale)
        assert layer.units == labels.units
        assert layer.name == f"{element} at. % ({labels.name})"
    features = labels.features.set_index("index")
    np.testing.assert_array_equal(features["Fe_at_pct"], result.table["Fe_at_pct"])
    np.testing.assert_array_equal(
        features["Fe_at_pct_error_total"], result.table["Fe_at_pct_error_total"]
    )
    assert list(features["chip"]) == list(result.table["chip"])


def test_the_status_bar_tells_the_composition_with_its_total_errors_in_one_short_line(result):
    viewer, labels = _viewer_with(result)
    _show(viewer, labels, result)
    number = int(result.table.index[result.table["Fe_at_pct"].notna()][0])
    row = result.table.loc[number]
    place = np.argwhere(labels.data == number)[0]
    status = labels.get_status(place, world=False)
    by_amount = sorted(result.elements, key=lambda e: -row[f"{e}_at_pct"])
    words = "  ".join(
        f"{e} {with_error(row[f'{e}_at_pct'], row[f'{e}_at_pct_error_total'])}" for e in by_amount
    )
    line = f"{row['chip']}  {words}  χ² {row['reduced_chi_squared']:.1f}"
    assert status["value"] == status["coordinates"] == line


def test_maps_say_on_the_canvas_what_they_show(result):
    viewer, labels = _viewer_with(result)
    for layer in _show(viewer, labels, result):
        assert layer.colorbar.visible
        assert layer.name_overlay.visible


def test_running_again_updates_the_maps_in_place(result):
    viewer, labels = _viewer_with(result)
    first = _show(viewer, labels, result)
    first[1].name, first[1].colormap = "my iron", "magma"
    fewer = eds.quantify(
        result.image,
        result.labels,
        result.recipe.model_copy(update={"elements": ("Fe", "O", "Sr")}),
    )

    again = _show(viewer, labels, fewer)

    assert again[0] is first[1]
    assert (again[0].name, again[0].colormap.name) == ("my iron", "magma")
    np.testing.assert_array_equal(again[0].data, fewer.maps()["Fe"])
    assert [layer for layer in viewer.layers if isinstance(layer, Image)] == again


def test_a_map_the_user_deleted_comes_back(result):
    viewer, labels = _viewer_with(result)
    shown = _show(viewer, labels, result)
    viewer.layers.remove(shown[0])
    again = _show(viewer, labels, result)
    assert len(again) == len(result.elements)
    assert all(layer in viewer.layers for layer in again)


def test_two_label_layers_keep_their_own_maps(result):
    viewer, first = _viewer_with(result)
    second = viewer.add_labels(result.labels, name="second", **geometry(result.image))
    show_result(viewer, first, result)
    show_result(viewer, second, result)
    assert len(viewer.layers) == 2 + 2 * len(result.elements)


@pytest.mark.parametrize("chosen", ["labels", "maps", "both"])
def test_saving_writes_the_table_and_the_recipe(result, tmp_path, chosen):
    viewer, labels = _viewer_with(result)
    maps = _show(viewer, labels, result)
    layers = {"labels": [labels], "maps": maps, "both": [labels, *maps]}[chosen]

    written = write_csv(str(tmp_path / "out.csv"), [x.as_layer_data_tuple() for x in layers])

    table = pd.read_csv(written[0], index_col="label", keep_default_na=False, na_values=[""])
    np.testing.assert_allclose(table["O_at_pct"], result.table["O_at_pct"], rtol=1e-5)
    assert eds.Recipe.from_json(written[1]) == result.recipe


def test_saving_labels_changed_since_is_refused(result, tmp_path):
    viewer, labels = _viewer_with(result)
    show_result(viewer, labels, result)
    labels.data[0, :5] = 7
    with pytest.raises(eds.EDSError, match="changed after"):
        write_csv(str(tmp_path / "out.csv"), [labels.as_layer_data_tuple()])
    assert not list(tmp_path.iterdir())


def test_saving_labels_not_quantified_describes_them(tmp_path):
    labels = Labels(np.array([[0, 7, 7], [3, 0, 7]]))
    (path,) = write_csv(str(tmp_path / "out.csv"), [labels.as_layer_data_tuple()])
    table = pd.read_csv(path, index_col="label")
    assert table["n_pixels"].to_dict() == {3: 1, 7: 3}


def test_saving_ordinary_images_is_refused(tmp_path):
    with pytest.raises(eds.EDSError, match="no quantification"):
        write_csv(str(tmp_path / "out.csv"), [Image(np.ones((2, 2))).as_layer_data_tuple()])


def test_results_of_different_runs_are_not_mixed(result, tmp_path):
    other = eds.quantify(result.image, result.labels, result.recipe)
    viewer, labels = _viewer_with(result)
    second = viewer.add_labels(result.labels, name="second", **geometry(result.image))
    maps = [*_show(viewer, labels, result), *_show(viewer, second, other)]
    with pytest.raises(eds.EDSError, match="different runs"):
        write_csv(str(tmp_path / "out.csv"), [x.as_layer_data_tuple() for x in maps])


def test_colour_images_and_odd_units_open():
    rgb = eds.AuxiliaryImage("photo", np.zeros((8, 8, 3), np.uint8), (1.0, 1.0), "furlong?")
    micron = eds.AuxiliaryImage("overview", np.eye(16), (2.0, 2.0), "µm")
    image = eds.SpectrumImage.from_array(
        np.ones((4, 4, 8), np.uint8),
        eds.EnergyAxis(0, 0.01, 8),
        pixel_size=(5.0, 5.0),
        pixel_unit="nm",
        images=(rgb, micron),
    )
    layers = [Image(data, **attributes) for data, attributes, _ in image_layers(image)]
    assert layers[0].rgb
    np.testing.assert_allclose(layers[1].scale, 2000)
    assert {str(unit) for layer in layers for unit in layer.units} == {"nanometer"}


def _viewer_with(result):
    viewer = ViewerModel()
    labels = viewer.add_labels(result.labels.copy(), name="chips", **geometry(result.image))
    assert QUANTIFICATION not in labels.metadata
    return viewer, labels


def _show(viewer, labels, result):
    """Show a result and return its maps, in the order of the viewer's layers."""
    show_result(viewer, labels, result)
    return list(maps_of(viewer, labels).values())


def test_image_beside_the_map_lies_in_its_place():
    """Pixels that show the same place have their centres at the same place."""
    picture = eds.AuxiliaryImage(
        "SE", np.zeros((24, 32)), (2.0, 2.5), "nm", offset=(-6 * 4.0, -8 * 5.0)
    )
    image = eds.SpectrumImage.from_array(
        np.ones((6, 8, 4)), eds.EnergyAxis(0, 1, 4), pixel_size=(4, 5), pixel_unit="nm",
        images=(picture,),
    )  # fmt: skip
    (picture_layer, map_layer) = (Image(data, **more) for data, more, _ in image_layers(image))
    # The map's corner is that of the image's pixel (12, 16), a pixel of half the size.
    np.testing.assert_allclose(
        np.array(picture_layer.data_to_world((11.5, 15.5))), map_layer.data_to_world((-0.5, -0.5))
    )
    cropped = image.crop(slice(1, 4), slice(2, 5))
    assert cropped.images[0].offset == (-28, -50)
