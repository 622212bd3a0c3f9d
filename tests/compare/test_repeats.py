"""Repeated maps of one specimen: their differences are as large as is said of them."""

import numpy as np
import pytest

import napari_eds as eds

AXIS = eds.EnergyAxis(-0.25, 0.005, 4096)
MICROSCOPE = eds.Acquisition(
    beam_energy_keV=200.0, take_off_angle_deg=22.0, energy_resolution_MnKa_eV=130.0
)


@pytest.fixture(scope="module")
def repeats(data_dir):
    """Six draws of TiO2, O under Ti L, each a map of its own."""
    folder = data_dir / "simulated/materials"
    with np.load(folder / "materials.npz") as file:
        expected = 300_000 * file["varied/TiO2/60"]
    recipe = eds.Recipe(
        elements=("Ti", "O", "N"),
        fit_only=("Cu", "C"),
        k_factors=eds.read_k_factors(folder / "k_factors_family.csv"),
        absorption=eds.Absorption(thickness_nm=60, density_g_cm3=4.2),
    )
    found = []
    for seed in range(6):
        counts = np.random.default_rng(seed).poisson(expected)
        image = eds.SpectrumImage.from_array(counts, AXIS, acquisition=MICROSCOPE)
        found.append(eds.quantify(image, np.ones((1, 1), int), recipe))
    return found


def compared(repeats):
    return [eds.compare_results(a, b) for a, b in zip(repeats[::2], repeats[1::2], strict=True)]


def test_differences_of_two_maps_hold_what_was_fitted_to_each(repeats):
    comparisons = compared(repeats)
    assert {c.errors_of for c in comparisons} == {"map"}
    assert "Of two maps" in " ".join(comparisons[0].account())
    z = np.array([c.table[f"{e}_z"].iloc[0] for c in comparisons for e in c.elements])
    assert 0.2 < np.sqrt((z**2).mean()) < 1.6
    # By counting alone, N of one draw is many errors from that of the next.
    errors = [r.table["N_at_pct_error"].iloc[0] for r in repeats]
    scatter = np.std([r.table["N_at_pct"].iloc[0] for r in repeats], ddof=1)
    assert scatter > 3 * max(errors)


def test_sessions_of_two_maps_have_total_errors_and_tables_say_what_is_unknown(repeats, tmp_path):
    for i, result in enumerate(repeats[:2]):
        eds.save_session(tmp_path / f"{i}.edsession", result)
        result.to_csv(tmp_path / f"{i}.csv")
    sessions = eds.compare_results(tmp_path / "0.edsession", tmp_path / "1.edsession")
    assert sessions.errors_of == "total"
    error = np.hypot(*(r.table["O_at_pct_error_total"].iloc[0] for r in repeats[:2]))
    assert sessions.table["O_difference_error"].iloc[0] == pytest.approx(error, rel=1e-4)
    tables = eds.compare_results(tmp_path / "0.csv", tmp_path / "1.csv")
    assert tables.errors_of == "counting"
    assert any("of two maps" in line for line in tables.account())


def test_results_of_one_map_differ_by_counting_alone(repeats):
    result = repeats[0]
    again = eds.quantify(result.image, result.labels, result.recipe)
    comparison = eds.compare_results(result, again)
    assert comparison.errors_of == "counting"
    assert not any("two maps" in line for line in comparison.account())
