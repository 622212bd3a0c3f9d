"""Label spectra handed to HyperSpy: HyperSpy itself finds the same intensities in them."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import napari_eds as eds
from napari_eds.exchange.hyperspy import MODEL_NAME, read_hspy, save_hspy, to_hyperspy

pytestmark = [
    # HyperSpy's own, on every start and on single-spectrum arithmetic.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*deprecated:UserWarning"),
]

NAMES = {3: "film, Å", 8: "001"}


@pytest.fixture(scope="module")
def results(lfo_sto_96, data_dir):
    """Two labels, by our engine and by HyperSpy's linear one."""
    labels = np.zeros((96, 96), int)
    labels[20:40, 10:60], labels[60:90, :] = 3, 8
    recipe = eds.Recipe(
        elements=("Fe", "O", "Sr"),
        fit_only=("Ti",),
        k_factors=eds.read_k_factors(data_dir / "simulated/kfactors_family_sum_windowless.csv"),
        energy_range_keV=(0.3, 18.0),
    )
    return {
        engine: eds.quantify(
            lfo_sto_96, labels, recipe.model_copy(update={"engine": engine}), names=NAMES
        )
        for engine in ("poisson", "linear")
    }


@pytest.fixture(scope="module")
def files(results, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hspy")
    return {e: save_hspy(result, folder / f"[{e}].hspy") for e, result in results.items()}


@pytest.fixture(scope="module")
def signals(files):
    """The files as HyperSpy reads them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import hyperspy.api as hs

        return {e: hs.load(str(f), escape_square_brackets=True) for e, f in files.items()}


@pytest.fixture(scope="module")
def models(signals):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {engine: s.models.restore(MODEL_NAME) for engine, s in signals.items()}


def test_the_signal_says_what_it_is(signals, results):
    signal, result = signals["poisson"], results["poisson"]
    assert type(signal).__name__ == "EDSTEMSpectrum"
    np.testing.assert_array_equal(signal.data, result.spectra)
    (labels,), (energy,) = signal.axes_manager.navigation_axes, signal.axes_manager.signal_axes
    assert labels.name == "label"
    np.testing.assert_allclose(energy.axis, result.energies_keV, atol=1e-9)
    metadata = signal.metadata
    instrument = metadata.Acquisition_instrument.TEM
    assert instrument.beam_energy == 300
    assert instrument.Detector.EDS.elevation_angle == pytest.approx(22)
    assert instrument.Detector.EDS.energy_resolution_MnKa == pytest.approx(
        result.fit.model.resolution_MnKa_eV
    )
    assert metadata.Sample.elements == ["Fe", "O", "Sr", "Ti"]
    assert sorted(metadata.Sample.xray_lines) == ["Fe_Ka", "O_Ka", "Sr_Ka"]
    assert metadata.napari_eds.label_ids.tolist() == [3, 8]
    assert json.loads(metadata.napari_eds.recipe)["elements"] == ["Fe", "O", "Sr"]


@pytest.mark.parametrize("engine", ["poisson", "linear"])
def test_hyperspy_finds_the_same_intensities(models, results, engine):
    model, fit = models[engine], results[engine].fit
    lines = [str(family.alpha) for family in fit.model.families]
    found = model.get_lines_intensity(lines, only_one=False)
    assert [i.metadata.Sample.xray_lines[0] for i in found] == lines
    for intensity, areas in zip(found, fit.alpha_areas.T, strict=True):
        np.testing.assert_array_equal(intensity.data.ravel(), areas)
    for line, errors in zip(lines, (fit.intensity_errors / fit.model.weight_sums).T, strict=True):
        np.testing.assert_allclose(model[line].A.map["std"], errors)


@pytest.mark.parametrize("engine", ["poisson", "linear"])
def test_components_of_a_family_add_up_to_its_intensity(models, results, engine):
    model, fit = models[engine], results[engine].fit
    sums = {str(family): np.zeros(2) for family in fit.model.families}
    for component in model:
        element, _, line = component.name.partition("_")
        if f"{element}_{line[:1]}" in sums:
            sums[f"{element}_{line[:1]}"] += component.A.map["values"]
    for family, intensities in zip(fit.model.families, fit.intensities.T, strict=True):
        np.testing.assert_allclose(sums[str(family)], intensities, rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("engine", ["poisson", "linear"])
def test_what_hyperspy_draws(models, results, engine):
    """The background exactly; lines exactly if eXSpy's were fitted, else to a tail of O K."""
    model, fit = models[engine], results[engine].fit
    channels = fit.model.channels
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        background = model.as_signal(
            component_list=model.background_components, show_progressbar=False
        )
        drawn = model.as_signal(show_progressbar=False)
    np.testing.assert_allclose(background.data[:, channels], fit.background, rtol=1e-8)
    tolerance = {"linear": 1e-9, "poisson": 0.12}[engine] * fit.fitted.max()
    np.testing.assert_allclose(drawn.data[:, channels], fit.fitted, atol=tolerance)
    sums = drawn.data[:, channels].sum(axis=1)
    np.testing.assert_allclose(sums, fit.fitted.sum(axis=1), rtol=4e-3)


def test_sum_peaks_are_drawn_with_the_lines_they_belong_to(results):
    result = results["poisson"]
    pairs = 0.05 * np.roll(result.fit.model.profiles, 150, axis=0)
    fit = replace(result.fit, model=replace(result.fit.model, pile_up=pairs))
    channels = fit.model.channels
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        drawn, without = (
            to_hyperspy(r).models.restore(MODEL_NAME).as_signal(show_progressbar=False)
            for r in (replace(result, fit=fit), result)
        )
    np.testing.assert_allclose(
        (drawn.data - without.data)[:, channels], fit.alpha_areas @ pairs.T, atol=1e-6
    )


def test_hyperspy_can_fit_on(models, results):
    """A fit of its own, from the stored values, stays near them.

    Its linear optimizer fails on any model of eXSpy that was stored, since tied lines come back
    as not free (HyperSpy 2.5).
    """
    model, fit = models["poisson"], results["poisson"].fit
    before = fit.alpha_areas[0, 0]  # Fe, which is in the first label
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.multifit(optimizer="lm", show_progressbar=False)
    after = model[str(fit.model.families[0].alpha)].A.map["values"][0]
    assert after == pytest.approx(before, rel=0.05)


def test_read_back_and_repeated(files, results):
    result = results["poisson"]
    file = read_hspy(files["poisson"])
    assert file.recipe == result.recipe
    assert dict(file.names) == NAMES
    pd.testing.assert_frame_equal(file.table, result.table, check_exact=True)
    np.testing.assert_array_equal(file.label_spectra.spectra, result.spectra)
    assert file.label_spectra.spectra.dtype == np.int64
    np.testing.assert_array_equal(file.label_spectra.n_pixels, result.table["n_pixels"])
    assert file.label_spectra.energy == result.image.energy
    sums = dict(
        zip(map(str, result.fit.model.families), result.fit.model.weight_sums, strict=True)
    )
    assert dict(file.weight_sums) == sums
    again = eds.quantify(*file.as_image(), file.recipe, names=file.names)
    columns = [c for c in result.table if c.endswith(("_pct", "_intensity", "_error", "_error_k"))]
    pd.testing.assert_frame_equal(again.table[columns], result.table[columns], check_exact=True)


def test_the_part_of_the_map_is_known(data_dir, tmp_path):
    part = eds.MapPart(
        detectors=(0, 2), crop=((0, 16), (8, 24)), energy_range_keV=(0.1, 10), rebin_energy=2
    )
    image = eds.load(data_dir / "simulated/LFO_STO_96.emd", part=part)
    recipe = eds.Recipe(elements=("Fe", "O", "La"), fit_only=("Cu",), energy_range_keV=(0.3, 9))
    result = eds.quantify(image, np.ones(image.shape, int), recipe)
    file = read_hspy(save_hspy(result, tmp_path / "part.hspy"))
    assert (file.source, file.part) == ("LFO_STO_96.emd", image.part)
    assert (file.part.crop, file.part.rebin_energy) == (part.crop, part.rebin_energy)
    again = eds.load(data_dir / "simulated" / file.source, part=file.part)
    assert (again.total_spectrum() == image.total_spectrum()).all()


def test_one_label_of_an_sem_map(tmp_path):
    energy = eds.EnergyAxis(-0.1, 0.01, 900)
    peak = np.exp(-((energy.energies_keV - 6.4) ** 2) / (2 * 0.06**2))
    counts = np.random.default_rng(0).poisson(50 * peak + 5, (2, 2, 900))
    acquisition = eds.Acquisition(signal_type="SEM", beam_energy_keV=20, live_time_s=60)
    result = eds.quantify(
        eds.SpectrumImage.from_array(counts, energy, acquisition=acquisition),
        np.ones((2, 2), int),
        eds.Recipe(
            elements=("Fe",),
            k_factors=eds.KFactorTable.from_mapping({"Fe_K": 1.0}, "family"),
            energy_range_keV=(5.0, 8.5),
            background_order=1,
        ),
    )
    path = save_hspy(result, tmp_path / "sem.hspy")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import hyperspy.api as hs

        signal = hs.load(str(path))
        model = signal.models.restore(MODEL_NAME)
        (intensity,) = model.get_lines_intensity(["Fe_Ka"])
    assert type(signal).__name__ == "EDSSEMSpectrum"
    assert signal.metadata.Acquisition_instrument.SEM.Detector.EDS.live_time == 60
    np.testing.assert_array_equal(np.ravel(intensity.data), result.fit.alpha_areas[:, 0])
    assert read_hspy(path).acquisition.signal_type == "SEM"


def test_other_files_are_refused(results, tmp_path, data_dir):
    with pytest.raises(eds.EDSError, match=r"end in \.hspy"):
        save_hspy(results["linear"], tmp_path / "a.csv")
    with pytest.raises(FileNotFoundError):
        read_hspy(tmp_path / "none.hspy")
    with pytest.raises(eds.ReadError, match="no label spectra"):
        read_hspy(data_dir / "real/hspy/88_ES-LP_G8_selection2_cropped2.hspy")
    (tmp_path / "bad.hspy").write_bytes(b"garbage")
    with pytest.raises(eds.ReadError, match="no label spectra"):
        read_hspy(tmp_path / "bad.hspy")


def test_a_newer_file_is_refused(files, tmp_path):
    import h5py

    path = tmp_path / "new.hspy"
    path.write_bytes(files["linear"].read_bytes())
    with h5py.File(path, "r+") as file:
        place = "Experiments"
        group = next(iter(file[place].values()))["metadata/napari_eds"]
        provenance = json.loads(group.attrs["provenance"])
        group.attrs["provenance"] = json.dumps(provenance | {"version": 99})
    with pytest.raises(eds.ReadError, match=r"version 99 .*update"):
        read_hspy(path)
