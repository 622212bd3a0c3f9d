"""The zeta-factor method as a recipe asks for it: one path, its columns, and against eXSpy."""

from dataclasses import replace

import numpy as np
import pytest

import napari_eds as eds
from napari_eds._support import hyperspy
from napari_eds.physics import lines as xray
from napari_eds.quantification.combinations import combined
from napari_eds.quantification.methods.intensities import Intensities
from napari_eds.quantification.methods.zeta import zeta_factor_method
from napari_eds.quantification.table import at_pct, error_of, error_total_of
from napari_eds.recipe.zeta_factors import cross_section_m2
from napari_eds.simulate import Phase, simulate

NM, G_CM3, ANGLE = 50.0, 5.12, 22.0
ELEMENTS = ("O", "Ti", "Sr")


@pytest.fixture(scope="module")
def image():
    phase = Phase("SrTiO3", {"Sr": 20, "Ti": 20, "O": 60}, G_CM3)
    made = simulate(
        np.ones((48, 48), int), [phase], NM, counts_per_pixel=100, take_off_angle_deg=ANGLE, seed=4
    ).image
    told = replace(
        made.acquisition,
        beam_current_nA=0.2,
        dwell_time_s=1e-3,
        frames_summed=10.0,
        live_time_s=20.0,
        real_time_s=25.0,
        detectors=(),
    )
    return replace(made, acquisition=told)


@pytest.fixture(scope="module")
def plain(image):
    recipe = eds.Recipe(elements=ELEMENTS, absorption=eds.Absorption(thickness_nm=NM))
    return eds.quantify(image, eds.grid_chips(image.shape, 8), recipe)


@pytest.fixture(scope="module")
def zeta(plain):
    """From the first chip, which 36 chips are like."""
    return eds.zeta_factors_from_label(plain, 1, "SrTiO3", thickness_nm=NM)


@pytest.fixture(scope="module")
def result(image, zeta):
    recipe = eds.Recipe(elements=ELEMENTS).by_zeta(zeta)
    return eds.quantify(image, eds.grid_chips(image.shape, 8), recipe)


def test_the_calibrating_label_has_the_thickness_it_was_given(result):
    row = result.table.loc[1]
    # Calibrated with the edges of the foil in its background, whose thickness is not known here.
    # Its density follows from the composition: 5.12 g/cm3 to 11 %.
    assert row["mass_thickness_kg_m2"] == pytest.approx(NM * G_CM3 * 1e-6, rel=1e-3)
    assert row["thickness_nm"] * row["density_g_cm3"] == pytest.approx(NM * G_CM3, rel=1e-3)
    assert row[["Sr_at_pct", "Ti_at_pct", "O_at_pct"]].tolist() == pytest.approx(
        [20, 20, 60], rel=3e-3
    )
    electrons = 64 * 0.2e-9 * 1e-2 * 0.8 / 1.602176634e-19
    assert row["electrons"] == pytest.approx(electrons)


def test_quantifying_a_fit_again_gives_what_quantify_does(plain, zeta, result):
    again = eds.quantify_by_zeta(plain, zeta)
    columns = ["thickness_nm", "mass_thickness_kg_m2_error_total", "O_at_pct", "O_at_pct_error"]
    for column in columns:
        assert again.table[column].to_numpy() == pytest.approx(
            result.table[column].to_numpy(), rel=1.5e-2
        )
    assert again.recipe.method == "zeta"
    assert again.table["chip"].tolist() == plain.table["chip"].tolist()


def test_errors_from_counting_are_the_scatter_of_chips(result):
    for column in ("mass_thickness_kg_m2", "thickness_nm", "O_at_pct", "Sr_at_pct"):
        told = np.sqrt((result.table[error_of(column)] ** 2).mean())
        # 36 chips: their scatter is known to 12 %.
        scatter = result.table[column].std(ddof=1)
        if column != "thickness_nm":
            assert told == pytest.approx(scatter, rel=0.3)
        assert (result.table[error_total_of(column)] >= result.table[error_of(column)]).all()


def test_cliff_lorimer_at_the_thickness_found_agrees(result, zeta):
    thickness = result.map_of("thickness_nm")
    recipe = eds.Recipe(
        elements=ELEMENTS,
        k_factors=zeta.k_factors,
        absorption=eds.Absorption(thickness_nm=NM),
    )
    same = eds.quantify(result.image, result.labels, recipe, thickness_nm=thickness)
    for element in ELEMENTS:
        # Only a thickness known before the fit tells what it does to ratios inside families.
        assert same.table[at_pct(element)].to_numpy() == pytest.approx(
            result.table[at_pct(element)].to_numpy(), rel=3e-3
        )


def test_the_take_off_angle_of_the_recipe_is_the_one_that_counts(plain, image):
    blind = replace(image, acquisition=replace(image.acquisition, take_off_angle_deg=None))
    by_recipe = eds.Absorption(thickness_nm=NM, take_off_angle_deg=ANGLE)
    other = eds.Recipe(elements=ELEMENTS, absorption=by_recipe)
    labels = eds.whole_map(image.shape)
    seen = eds.quantify(image, labels, eds.Recipe(elements=ELEMENTS))
    unseen = eds.quantify(blind, labels, other)
    wanted = eds.zeta_factors_from_label(seen, 1, "SrTiO3", thickness_nm=NM)
    found = eds.zeta_factors_from_label(unseen, 1, "SrTiO3", thickness_nm=NM)
    assert found.constant_kg_m2 == pytest.approx(wanted.constant_kg_m2, rel=1e-3)
    again = eds.quantify_by_zeta(unseen, found)
    assert again.foil.take_off_angle_deg == ANGLE
    assert again.table["mass_thickness_kg_m2"].iloc[0] == pytest.approx(
        NM * G_CM3 * 1e-6, rel=1e-6
    )
    steep = eds.quantify_by_zeta(unseen, found, take_off_angle_deg=60)
    assert steep.table["O_at_pct"].iloc[0] < again.table["O_at_pct"].iloc[0] - 1
    assert eds.Recipe(elements=("O",)).by_zeta(found).absorption is None
    with pytest.raises(eds.EDSError, match="take-off angle"):
        eds.quantify(blind, labels, eds.Recipe(elements=ELEMENTS).by_zeta(found))


def test_a_dose_that_is_stated_goes_before_the_files(image, result, zeta):
    stated = eds.Dose(
        beam_current_nA=0.4, dwell_time_us=500, frames=20, live_percent=40, current_error_percent=5
    )
    again = eds.quantify_by_zeta(result, zeta, dose=stated)
    # Twice the current and half the live time: the same dose.
    assert again.table["electrons"].to_numpy() == pytest.approx(
        result.table["electrons"].to_numpy()
    )
    assert (
        again.table["thickness_nm_error_total"] > result.table["thickness_nm_error_total"]
    ).all()
    told = " ".join(again.account())
    assert "at 0.4 nA (by hand: beam_current_nA, dwell_time_us, frames, live_percent)" in told
    nothing = replace(image.acquisition, beam_current_nA=None)
    with pytest.raises(eds.EDSError, match=r"tell the beam current.*recipe's dose"):
        eds.quantify(
            replace(image, acquisition=nothing), eds.whole_map(image.shape), result.recipe
        )


def test_budget_and_account_say_what_was_done(result):
    budget = result.error_budget()
    assert budget["thickness"].max() == 0
    # It moves all elements alike, but for the absorption that a thicker foil has.
    assert 0 < budget["dose"].max() < 0.5
    parts = budget[["counting", "k_factors", "attenuation", "dose"]].to_numpy()
    assert (budget["total"].to_numpy() ** 2 >= (parts**2).sum(axis=1) * 0.999).all()
    told = " ".join(result.account())
    assert "zeta-factors: " in told
    assert "constant from label 1 of SrTiO3 at 50 nm" in told
    assert "solved together with composition and mass thickness" in told
    assert "take-off angle 22°" in told


def test_columns_combined_know_the_method(result):
    for element in ELEMENTS:
        column = at_pct(element)
        twice = combined(result, column, column, "sum")
        assert twice.total / 2 == pytest.approx(result.table[error_total_of(column)].to_numpy())
        assert twice.counting / 2 == pytest.approx(result.table[error_of(column)].to_numpy())


def test_pixels_are_quantified_by_the_same_method(result):
    maps = eds.pixel_maps(result.image, result.recipe, kernel=eds.Kernel("mean", 9.0))
    of_labels = result.table["thickness_nm"].mean()
    assert np.nanmean(maps.thickness_nm) == pytest.approx(of_labels, rel=0.01)
    assert np.nanmedian(maps.thickness_errors_total) > 0
    plain = eds.pixel_maps(result.image, eds.Recipe(elements=ELEMENTS))
    assert np.isnan(plain.thickness_nm).all()


def test_what_has_no_meaning_by_this_method_is_refused(result):
    image = result.image
    with pytest.raises(eds.RecipeError, match="finds the thickness: give no map"):
        eds.quantify(image, result.labels, result.recipe, thickness_nm=np.ones(image.shape))
    dense = eds.quantify(
        image, result.labels, result.recipe, density_g_cm3=np.full(image.shape, G_CM3)
    )
    assert dense.table["density_g_cm3"].to_numpy() == pytest.approx(G_CM3)
    single = eds.quantify(image, result.labels, eds.Recipe(elements=("Ti",)))
    with pytest.raises(eds.EDSError, match="only the zeta-factor method"):
        single.thickness_maps()
    with pytest.raises(eds.EDSError, match="does not quantify O, Sr"):
        eds.zeta_factors_from_label(single, 1, "SrTiO3", thickness_nm=NM)
    with pytest.raises(eds.LabelError, match="no label 99"):
        eds.zeta_factors_from_label(result, 99, "SrTiO3", thickness_nm=NM)


def test_a_pure_film_of_one_element_gives_its_mass_thickness():
    phase = Phase("Ti", {"Ti": 100}, 4.5)
    film = simulate(np.ones((16, 16), int), [phase], 30.0, counts_per_pixel=200, seed=1).image
    timed = replace(film.acquisition, live_time_s=1.0, real_time_s=1.0, beam_current_nA=0.1)
    film = replace(film, acquisition=timed)
    result = eds.quantify(film, eds.whole_map(film.shape), eds.Recipe(elements=("Ti",)))
    zeta = eds.zeta_factors_from_label(result, 1, {"Ti": 1}, thickness_nm=30, density_g_cm3=4.5)
    again = eds.quantify_by_zeta(result, zeta, density_g_cm3=4.5)
    assert again.table["thickness_nm"].iloc[0] == pytest.approx(30)
    assert "one element alone" not in again.table["flag"].iloc[0]


def test_a_session_gives_the_same_thickness_again(result, tmp_path):
    eds.save_session(tmp_path / "run.edsession", result)
    session = eds.load_session(tmp_path / "run.edsession")
    assert session.recipe == result.recipe
    assert not session.thickness_nm
    assert session.table["thickness_nm"].to_numpy() == pytest.approx(
        result.table["thickness_nm"].to_numpy()
    )


#: kg/m², counts of alpha lines of two pixels, and their dose in nA and s.
ZETA = np.array([500.0, 520.0, 1900.0])
COUNTS = np.array([[22000.0, 37400.0, 18300.0], [1500.0, 2600.0, 1200.0]])
CURRENT_nA, LIVE_s, PIXEL_nm2 = 0.3, 26.0, 4.0


def of_exspy(method, factors, **settings):
    """What eXSpy's own `quantification` says of the counts, without absorption."""
    hyperspy.exspy()
    import hyperspy.api as hs
    from exspy.signals import EDSTEMSpectrum

    lines = [f"{element}_Ka" for element in ELEMENTS]
    signal = EDSTEMSpectrum(np.ones((2, 1024)))
    axis = signal.axes_manager.signal_axes[0]
    axis.scale, axis.units = 0.02, "keV"
    signal.set_elements(list(ELEMENTS))
    signal.set_lines(lines)
    signal.set_microscope_parameters(
        beam_energy=200, beam_current=CURRENT_nA, live_time=LIVE_s, probe_area=PIXEL_nm2
    )
    intensities = []
    for i, line in enumerate(lines):
        one = hs.signals.BaseSignal(COUNTS[:, i].copy()).T
        one.metadata.set_item("Sample.xray_lines", [line])
        one.metadata.set_item("Sample.elements", [ELEMENTS[i]])
        intensities.append(one)
    return signal.quantification(
        intensities,
        method=method,
        factors=list(factors),
        navigation_mask=None,
        absorption_correction=False,
        **settings,
    )


def ours(table):
    """The same counts by a table of alpha lines."""
    families = [xray.family(element, "K") for element in ELEMENTS]
    intensities = Intensities.of_families(
        families,
        table.as_k_factors(),
        counts=COUNTS,
        covariance=np.array([np.diag(row) for row in COUNTS]),
    )
    electrons = np.full(2, CURRENT_nA * 1e-9 * LIVE_s / 1.602176634e-19)
    return zeta_factor_method(intensities, electrons)


def test_equals_exspys_quantification_by_zeta_factors():
    names = [f"{element}_K" for element in ELEMENTS]
    k_factors = eds.KFactorTable.from_mapping(dict(zip(names, ZETA, strict=True)), "alpha")
    found = ours(eds.ZetaFactorTable(k_factors, 1.0))
    percents, mass = of_exspy("zeta", ZETA, composition_units="atomic")
    for i in range(3):
        assert 100 * found.atomic_fractions[:, i] == pytest.approx(percents[i].data, rel=1e-6)
    assert found.mass_thickness.kg_m2 == pytest.approx(mass.data, rel=1e-6)


def test_equals_exspys_quantification_by_cross_sections():
    weights = np.array([xray.atomic_weight(element) for element in ELEMENTS])
    barn = cross_section_m2(ZETA, weights) * 1e28
    names = [f"{element}_K" for element in ELEMENTS]
    table = eds.ZetaFactorTable.from_cross_sections(dict(zip(names, barn, strict=True)), "alpha")
    found = ours(table)
    percents, atoms = of_exspy(
        "cross_section", barn, composition_units="atomic", probe_area=PIXEL_nm2
    )
    for i in range(3):
        assert 100 * found.atomic_fractions[:, i] == pytest.approx(percents[i].data, rel=1e-6)
    # Atoms in a pixel of 4 nm2, to kg/m2.
    per_area = np.stack([one.data for one in atoms], axis=-1) / (PIXEL_nm2 * 1e-18)
    mass = per_area @ weights * 1e-3 / 6.02214076e23
    assert found.mass_thickness.kg_m2 == pytest.approx(mass, rel=1e-6)
