"""Public objects travel to other processes and print briefly, every class of them."""

import copy
import dataclasses
import inspect
import pickle
from base64 import b64decode
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from importlib.resources import files
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path
from types import MappingProxyType
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy import sparse

import napari_eds as eds
from napari_eds.exchange.session import load_session, save_session
from napari_eds.quantification.statistics import ConditionError
from napari_eds.recipe.k_factor_files import UnsettledConventionError
from napari_eds.simulate.frames import film_frames
from napari_eds.spectra.acquisition import VendorComposition, VendorQuantification

PUBLIC = [name for name in eds.__all__ if inspect.isclass(getattr(eds, name))]
RECIPE = eds.Recipe(elements=("Fe", "Pt"), fit_only=("Cu", "C"))


def sample():
    return eds.load(Path(str(files("napari_eds") / "data" / "core_shell.hdf5")))


@pytest.fixture(scope="module")
def image():
    return sample()


@pytest.fixture(scope="module")
def result(image):
    return eds.quantify(image, eds.grid_chips(image.shape, 16), RECIPE)


@pytest.fixture(scope="module")
def examples(image, result, tmp_path_factory):
    """One object of every public class, by its name; errors and what needs nothing aside."""
    folder = tmp_path_factory.mktemp("objects")
    grid = eds.grid_chips(image.shape, 16)
    classes = eds.classify(result, {"core": [1], "shell": [2]})
    evidence = eds.search_elements(image.energy, image.total_spectrum(), image.acquisition)
    acquisition = dataclasses.replace(
        image.acquisition,
        detectors=(eds.Detector("D1", 18.0, counts=7),),
        vendor=of_vendor(),
    )
    line = eds.Line(np.array([[4.0, 4.0], [40.0, 40.0]]), 6.0)
    profile = eds.line_profile(image, line, RECIPE)
    film = film_frames((24, 24), 2, 100)
    frames = eds.quantify_frames(
        film.series, np.ones((24, 24), int), eds.Recipe(elements=("Sr", "Ti"))
    )
    zeta = eds.theoretical_zeta_factors(200.0, 0.7)
    timed = dataclasses.replace(acquisition, live_time_s=100.0, real_time_s=100.0)
    dosed = eds.quantify_by_zeta(
        dataclasses.replace(result, image=dataclasses.replace(image, acquisition=timed)),
        zeta,
        dose=eds.Dose(beam_current_nA=0.1),
        take_off_angle_deg=20.0,
    )
    ones = np.ones(len(result.table))
    made = [
        line,
        profile,
        eds.Interface(12.0, 0.1, 2.0, 0.2, 20.0, 0.3, 0.1, 0.2, 1.1, "nm"),
        film.series,
        frames,
        eds.find_drift(film.series),
        eds.combined(result, "Fe_at_pct", "Pt_at_pct", "ratio"),
        eds.denoise(image, 2),
        eds.overlay({"Fe": result.maps()["Fe"]}),
        zeta,
        dosed.composition.mass_thickness,
        eds.Dose(beam_current_nA=0.1),
        eds.LabelThickness("a map", result, ones, ones, ones, {"scale": 0.1 * ones}, 0.1 * ones),
        (share := eds.DetectorShare("D1", 18.0, 1.0, 2.5, 2, 0.3, True, "", {"Fe": 1.0})),
        eds.DetectorAgreement((share,), 2.5, 2, 0.3),
        eds.FamilyRatio("Fe", "L", "K", 1.1, 0.1, "a label"),
        eds.Absorption(thickness_nm=50),
        acquisition,
        acquisition.detectors[0],
        eds.BatchEntry("map.emd", state="done", n_labels=4),
        eds.BatchResult(folder, (eds.BatchEntry("map.emd"),), ()),
        eds.LabelRule.grid(16),
        eds.AuxiliaryImage("HAADF", np.arange(12.0).reshape(3, 4)),
        eds.candidates(6.4, image.energy, image.total_spectrum(), image.acquisition)[0],
        grid,
        classes,
        eds.ChipClasses(classes.class_labels(), classes.table),
        eds.chip_size_advice(image, RECIPE, sizes=[4, 8]),
        eds.compare_results(result, {"Fe": 60.0, "Pt": 40.0}),
        eds.compare_known(result, "FePt"),
        eds.compare_results(result, {"Fe": 60.0, "Pt": 40.0}).ours,
        result.composition,
        eds.DetectorComparison("D1", 5, 0.9, 1.1, shadowed=False),
        image.energy,
        evidence,
        evidence.proposals[0],
        eds.KFactor(element="Fe", family="K", value=1.2),
        result.k_factors,
        eds.read_hspy(eds.save_hspy(result, folder / "labels.hspy")),
        result.label_spectra,
        eds.LowEnergyTail(fraction=0.1, decay_keV=0.05),
        eds.few_shot_map_size(image, grid, eds.FewShotFormat()),
        eds.pixel_maps(image, RECIPE, kernel=eds.Kernel("mean", 5)),
        result,
        RECIPE,
        eds.RegionThickness(50.0, 1.0, 2.0),
        load_session(save_session(folder / "run.edsession", result)),
        image,
    ]
    return {type(one).__name__: one for one in made}


def of_vendor():
    """What Velox may have written, with a log that is no markup."""
    iron = VendorComposition("Fe", "K", 60.0, 2.0)
    return VendorQuantification(
        "Velox",
        MappingProxyType({"Fe": "K"}),
        ("Fe",),
        log="<b>log</b>\n" * 99,
        compositions=((iron,),),
    )


def example(name, examples):
    """The example of a public class; one that can be made of nothing needs none."""
    kind = getattr(eds, name)
    if issubclass(kind, Exception):
        return kind("what is wrong")
    if name in examples:
        return examples[name]
    try:
        return kind()
    except (TypeError, ValueError):
        pytest.fail(f"{name} is public: add one to the examples")


def check_same(one, other):
    """Both hold the same, down to the last array."""
    assert type(one) is type(other)
    if dataclasses.is_dataclass(one):
        for field in dataclasses.fields(one):
            check_same(getattr(one, field.name), getattr(other, field.name))
    elif isinstance(one, Mapping):
        check_same(list(one), list(other))
        check_same(list(one.values()), list(other.values()))
    elif isinstance(one, tuple | list):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            check_same(a, b)
    elif isinstance(one, Exception):
        assert (one.args, vars(one)) == (other.args, vars(other))
    elif isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    elif sparse.issparse(one):
        check_same(one.toarray(), other.toarray())
    elif isinstance(one, np.ndarray | pd.Series | float):
        assert np.asarray(one).dtype == np.asarray(other).dtype
        np.testing.assert_array_equal(one, other)
    else:
        assert one == other


@pytest.mark.parametrize("name", PUBLIC)
@pytest.mark.parametrize("way", ["pickle", "deepcopy", "copy"])
def test_every_public_class_travels(name, way, examples):
    one = example(name, examples)
    ways = {
        "pickle": lambda x: pickle.loads(pickle.dumps(x)),
        "deepcopy": copy.deepcopy,
        "copy": copy.copy,
    }
    check_same(one, ways[way](one))


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_class_prints_on_a_line_or_two(name, examples):
    text = repr(example(name, examples))
    assert name in text
    assert len(text) <= 160
    assert "\n" not in text


@pytest.mark.parametrize(
    "error",
    [UnsettledConventionError("k.csv does not tell"), ConditionError("no number")],
    ids=lambda error: type(error).__name__,
)
def test_other_errors_travel(error):
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_a_copy_of_a_result_does_what_the_result_does(result, tmp_path):
    again = pickle.loads(pickle.dumps(result))
    assert again.account() == result.account()
    check_same(again.maps(), result.maps())
    check_same(again.k_factors_from(1, "FePt", "Fe"), result.k_factors_from(1, "FePt", "Fe"))
    files = [one.to_csv(tmp_path / f"{i}.csv")[0] for i, one in enumerate((result, again))]
    assert files[0].read_bytes() == files[1].read_bytes()
    with pytest.raises(TypeError, match="assignment"):
        pickle.loads(pickle.dumps(result.image)).metadata["new"] = 1


def test_a_process_returns_a_result(image, result):
    chips = eds.grid_chips(image.shape, 16)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        again = pool.submit(eds.quantify, image, chips, RECIPE).result()
    check_same(again.table, result.table)


def test_dask_returns_a_result(image, result):
    distributed = pytest.importorskip("distributed")
    chips = eds.grid_chips(image.shape, 16)
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        again = client.submit(eds.quantify, image, chips, RECIPE).result(timeout=120)
    check_same(again.table, result.table)


def text_of(html):
    """Texts of a page, after checking that its tags are closed and nothing else is among them."""
    page = ElementTree.fromstring(html)
    assert {tag.tag for tag in page.iter()} <= {
        *("div", "b", "ul", "li", "img", "table", "thead", "tbody", "tr", "th", "td"),
    }
    return " | ".join(page.itertext())


def test_a_notebook_shows_an_image(image):
    named = dataclasses.replace(
        image,
        name="<script>alert(1)</script>",
        pixel_unit="<i>nm",
        source=Path("a & b.emd"),
        acquisition=dataclasses.replace(image.acquisition, elements=("<b>",)),
    )
    html = named._repr_html_()
    told = text_of(html)
    for part in ("<script>", "32 x 32 pixels of 1 x 1 <i>nm", "992 channels", "a & b.emd", "<b>"):
        assert part in told
    data = ElementTree.fromstring(html).find(".//img").get("src")
    picture = np.asarray(Image.open(BytesIO(b64decode(data.partition("base64,")[2]))), float)
    assert picture.shape == (192, 192)
    assert np.corrcoef(picture[3::6, 3::6].ravel(), image.counts_map().ravel())[0, 1] > 0.95


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (3, 2)])
def test_a_notebook_shows_an_image_of_any_size(shape):
    empty = eds.SpectrumImage.from_array(np.zeros((*shape, 5)), eds.EnergyAxis.uncalibrated(5))
    assert "without energies" in text_of(empty._repr_html_())


def test_a_notebook_shows_a_result(image, result):
    told = text_of(result._repr_html_())
    for part in ("R0C1", "all 4", "Fe (at.%)", *result.account()):
        assert part in told
    row = result.table.loc[2]
    assert f"{row['Pt_at_pct']:.2f} ± {row['Pt_at_pct_error_total']:.2f}" in told
    many = eds.quantify(image, eds.grid_chips(image.shape, 8), RECIPE, names={1: "</td><p>"})
    told = text_of(many._repr_html_())
    assert "8 more" in told
    assert "</td><p>" in told
    assert f"{many.table['counts'].sum():,}" in told


def test_a_notebook_shows_a_recipe_and_k_factors(result):
    told = text_of(RECIPE._repr_html_())
    for part in ("Fe, Pt", "line_position_eV 0.7", "as usual"):
        assert part in told
    table = result.k_factors.model_copy(update={"source": "<u>mine</u>", "notes": ("a < b",)})
    told = text_of(table._repr_html_())
    for part in ("<u>mine</u>", "a < b", "200 keV", "Pt"):
        assert part in told
