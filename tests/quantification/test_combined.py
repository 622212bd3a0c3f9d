"""Two columns combined: errors against the table's own, and against drawn counts."""

import numpy as np
import pytest
import tifffile

import napari_eds as eds
from napari_eds.quantification.combinations import combined
from napari_eds.quantification.table import at_pct, error_of, error_total_of
from napari_eds.simulate import Phase, simulate


@pytest.fixture(scope="module")
def simulation():
    phase = Phase("LaFeO3", {"La": 20, "Fe": 20, "O": 60}, 6.64)
    return simulate(np.ones((60, 60), int), [phase], 50.0, counts_per_pixel=60, seed=4)


@pytest.fixture(scope="module")
def result(simulation):
    recipe = eds.Recipe(elements=("La_L", "Fe", "O"), absorption=eds.Absorption(thickness_nm=50))
    return eds.quantify(simulation.image, eds.grid_chips((60, 60), 6), recipe)


def test_a_column_with_itself_has_the_tables_own_error(result):
    for element in result.elements:
        column = at_pct(element)
        twice = combined(result, column, column, "sum")
        assert twice.total / 2 == pytest.approx(result.table[error_total_of(column)].to_numpy())
        assert twice.counting / 2 == pytest.approx(result.table[error_of(column)].to_numpy())
        nothing = combined(result, column, column, "ratio")
        assert nothing.value == pytest.approx(1)
        assert nothing.total == pytest.approx(0, abs=1e-9)


def test_the_error_from_counting_is_the_scatter_of_chips(result):
    for operation in ("ratio", "difference"):
        found = combined(result, "La_at_pct", "O_at_pct", operation)
        scatter = found.value.std(ddof=1)
        # One hundred chips of one phase: their scatter is known to 7 %.
        assert np.sqrt((found.counting**2).mean()) == pytest.approx(scatter, rel=0.25)


def test_k_factors_of_third_elements_drop_out_of_a_ratio(simulation):
    factors = {f"{e}_{f}": k for (e, f), k in simulation.k_factors.items()}
    errors = dict.fromkeys(factors, 0.0) | {"O_K": 0.2}
    table = eds.KFactorTable.from_mapping(factors, "family", relative_errors=errors)
    recipe = eds.Recipe(elements=("La_L", "Fe", "O"), k_factors=table)
    known = recipe.model_copy(update={"uncertainties": eds.Uncertainties(unknown_thickness_nm=0)})
    found = eds.quantify(simulation.image, eds.whole_map((60, 60)), known)
    ratio = combined(found, "La_at_pct", "Fe_at_pct", "ratio")
    own = found.table[error_total_of("La_at_pct")] / found.table["La_at_pct"]
    assert ratio.total[0] / ratio.value[0] < 0.05
    assert own.iloc[0] > 0.08


def test_weight_percent_and_intensities_have_errors_too(result):
    weight = combined(result, "La_wt_pct", "Fe_wt_pct", "ratio")
    atomic = combined(result, "La_at_pct", "Fe_at_pct", "ratio")
    # A ratio of weights is one of atoms times a constant.
    assert weight.total / weight.value == pytest.approx(atomic.total / atomic.value)
    counts = combined(result, "La_L_intensity", "Fe_K_intensity", "ratio")
    assert np.isfinite(counts.total).all()
    assert (counts.total < weight.total / weight.value * counts.value).all()  # no k-factors


def test_errors_are_withheld_where_correlations_are_unknown(result):
    mixed = combined(result, "La_at_pct", "counts", "ratio")
    assert np.isfinite(mixed.value).all()
    assert np.isnan(mixed.total).all()
    assert "not known" in mixed.note


def test_what_is_no_column_is_refused(result):
    with pytest.raises(eds.EDSError, match="no column Xx_at_pct"):
        combined(result, "Xx_at_pct", "Fe_at_pct", "ratio")
    with pytest.raises(eds.EDSError, match="no column flag"):
        combined(result, "flag", "Fe_at_pct", "sum")
    with pytest.raises(eds.EDSError, match="not 'product'"):
        combined(result, "La_at_pct", "Fe_at_pct", "product")


def test_maps_are_saved_with_their_errors(result, tmp_path):
    one = combined(result, "La_at_pct", "Fe_at_pct", "ratio")
    eds.save_column_maps(result, tmp_path / "maps", columns=["counts"], combinations=[one])
    names = {path.name for path in (tmp_path / "maps").glob("*.tif")}
    assert names == {
        "counts.tif",
        f"{one.stem}.tif",
        f"{one.stem}_error.tif",
        f"{one.stem}_error_total.tif",
    }
    saved = tifffile.imread(tmp_path / "maps" / f"{one.stem}.tif")
    assert saved[0, 0] == pytest.approx(one.value[0], rel=1e-6)
    with pytest.raises(eds.EDSError, match="no map is asked for"):
        eds.save_column_maps(result, tmp_path / "none")
