"""Handing a result to HyperSpy: label spectra as an EDS signal with its fitted model, and back.

HyperSpy then shows, plots and fits on. Its model holds what eXSpy can express:

- the alpha line of each family has the area that was fitted here, so `get_lines_intensity` gives
  the same numbers; times the family's weight sum they are the family intensities;
- the background is the one fitted here, channel by channel, as patterns with a scale for each
  label (a polynomial stays one); so are the sum peaks of each family, tied to its alpha line;
- each line has the weight and energy fitted here, so that the areas of a family's components add
  up to its intensity; but it is one Gaussian at the middle of each channel. Doublets (drawn as one
  line at their mean), integrals over channels and low-energy tails are lost, and with them the
  drawn model is off by that difference.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import h5py
import numpy as np
import pandas as pd

from napari_eds._support import hyperspy
from napari_eds._support.arguments import PATH, expect
from napari_eds._support.brief import brief
from napari_eds._support.csv_cells import csv_text
from napari_eds._support.files import existing_file, write_atomically
from napari_eds._support.outputs import check_files
from napari_eds.errors import EDSError, ReadError
from napari_eds.fitting.fit import Fit
from napari_eds.fitting.model import SpectralModel
from napari_eds.physics import lines as xray
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.table import CHIP, LABEL, read_table
from napari_eds.readers.hdf5_checks import FAULTS, check_heaps
from napari_eds.readers.hyperspy_checks import check_hdf5
from napari_eds.recipe.map_part import MAP_PART, MapPart
from napari_eds.recipe.recipe import Recipe
from napari_eds.spectra.acquisition import Acquisition, Detector
from napari_eds.spectra.axes import EnergyAxis
from napari_eds.spectra.label_sums import LabelSpectra
from napari_eds.spectra.signals import describe
from napari_eds.spectra.spectrum_image import SpectrumImage

MODEL_NAME = "napari_eds"
FORMAT = "napari-eds label spectra"
VERSION = 1
#: Patterns of backgrounds below this part of all backgrounds are left out.
_LEAST_PATTERN = 1e-7

#: Branch of the metadata that HyperSpy has no place for.
_OWN = "napari_eds"


@brief
@dataclass(frozen=True, eq=False)
class LabelFile:
    """What a file of `save_hspy` holds.

    The pixels are not in it, so that a `Quantification` cannot be rebuilt; but the counts of each
    label are, which is all that the fit needs: `as_image` gives them as an image of one pixel per
    label, and quantifying that gives the same intensities and compositions.

    Attributes
    ----------
    label_spectra : LabelSpectra
        On the axis of the file, before calibration.
    names : mapping of int to str
        Names of the labels.
    recipe : Recipe
    table : DataFrame
        That of the quantification, indexed by label.
    acquisition : Acquisition
        Without what the vendor's program wrote.
    weight_sums : mapping of str to float
        Family (``"Fe_K"``) to its counts per count of the alpha line.
    source : str or None
        Name of the map's file.
    part : MapPart or None
        What of that file was read; None where the map came from none, or an earlier version of
        this program did not say.
    """

    label_spectra: LabelSpectra
    names: Mapping[int, str]
    recipe: Recipe
    table: pd.DataFrame
    acquisition: Acquisition
    weight_sums: Mapping[str, float]
    source: str | None = None
    part: MapPart | None = None

    def as_image(self) -> tuple[SpectrumImage, np.ndarray]:
        """Return an image of one pixel per label, and its label map, both of one row.

        ``quantify(*file.as_image(), file.recipe)`` repeats the run. A map of thickness, if there
        was one, has to be given again.
        """
        spectra = self.label_spectra
        image = SpectrumImage.from_array(
            spectra.spectra[None],
            spectra.energy,
            name="label spectra",
            acquisition=self.acquisition,
        )
        return image, spectra.ids[None].copy()


def to_hyperspy(result: Quantification) -> Any:
    """Return the label spectra as eXSpy's signal, with the fitted model stored in it.

    Parameters
    ----------
    result : Quantification

    Returns
    -------
    EDSTEMSpectrum or EDSSEMSpectrum
        Its navigation axis counts the labels, ascending; the energy axis is the calibrated one.
        ``signal.models.restore("napari_eds")`` gives the model. Label ids, names, numbers of
        pixels, weight sums, recipe and table are in ``signal.metadata.napari_eds``. The live time
        is that of the whole map, of which a label has its share of pixels.

    Notes
    -----
    What equals the result and what does not is said at the top of this module.
    """
    expect(result=(result, Quantification))
    exspy = hyperspy.exspy()
    is_sem = result.image.acquisition.signal_type == "SEM"
    kind = exspy.signals.EDSSEMSpectrum if is_sem else exspy.signals.EDSTEMSpectrum
    with hyperspy.quiet():
        signal = kind(np.array(result.spectra))
        _describe_axes(signal, result)
        _describe_sample(signal, result)
        signal.metadata.set_item(_OWN, _own_metadata(result))
        _store_model(signal, result)
    return signal


def save_hspy(result: Quantification, path: str | Path, *, overwrite: bool = False) -> Path:
    """Save `to_hyperspy` as a ``.hspy`` file, whole or not at all.

    With `overwrite` a file that was saved so is replaced; one that anything else wrote may be
    raw data and never is.

    Parameters
    ----------
    result : Quantification
    path : str or Path
        Ends in ``.hspy``.
    overwrite : bool
        Whether a file that is there may be replaced.

    Raises
    ------
    EDSError
        If the name has another suffix.
    OutputError
        If a file is in the way.
    OSError
        If the folder does not exist or cannot be written.
    """
    expect(result=(result, Quantification), path=(path, PATH))
    path = Path(path)
    if path.suffix.lower() != ".hspy":
        raise EDSError(f"HyperSpy's files end in .hspy, not as {path.name} does")
    check_files([path], overwrite=overwrite, inputs=[result.image.source], raw=True)
    signal = to_hyperspy(result)
    with tempfile.TemporaryDirectory() as folder, hyperspy.quiet():
        draft = Path(folder) / "signal.hspy"
        try:
            signal.save(str(draft), overwrite=True)
        except OSError as error:
            raise OSError(
                error.errno,
                f"{path.name} cannot be written by way of the folder for temporary files "
                f"({_reason(error)}): make room there",
                folder,
            ) from error
        return write_atomically(path, draft.read_bytes(), overwrite=overwrite)


def _reason(error: OSError) -> str:
    """Return why in one line: HDF5 tells many."""
    return os.strerror(error.errno) if error.errno else str(error).partition("\n")[0]


def read_hspy(path: str | Path) -> LabelFile:
    """Read a file of `save_hspy`, without HyperSpy: no text of it is evaluated.

    Its stored model is not restored; if it holds anything else than `save_hspy` stores, the file
    is refused, for HyperSpy would run it.

    Parameters
    ----------
    path : str or Path

    Raises
    ------
    FileNotFoundError
    ReadError
        If it is no such file, one of a newer version, or one that would run a program.
    """
    expect(path=(path, PATH))
    path = Path(path)
    existing_file(path, ReadError)
    try:
        check_heaps(path)
        with h5py.File(path) as file:
            check_hdf5(file, models=True)
            experiment = next(iter(file["Experiments"].values()))
            stored = experiment[f"metadata/{_OWN}"]
            own = json.loads(stored.attrs["provenance"])
            _check_version(own, path)
            return _label_file(experiment["data"][:], stored, own)
    except ReadError:
        raise
    except (StopIteration, *FAULTS) as error:
        raise ReadError(f"{path.name} holds no label spectra of napari-eds: {error}") from error


def _check_version(own: Any, path: Path) -> None:
    if own["format"] != FORMAT or own["version"] > VERSION:
        raise ReadError(
            f"{path.name} has version {own['version']} of the format, and this program reads "
            f"up to {VERSION}: update napari-eds"
        )


def _describe_axes(signal: Any, result: Quantification) -> None:
    """Name the axes; a calibration by offset and gain leaves the energy axis linear."""
    labels = signal.axes_manager.navigation_axes[0]
    labels.name = LABEL
    axis = signal.axes_manager.signal_axes[0]
    energies = result.energies_keV
    axis.name, axis.units = "Energy", "keV"
    axis.offset = float(energies[0])
    axis.scale = float((energies[-1] - energies[0]) / (energies.size - 1))
    signal.metadata.General.title = f"{result.image.name}, labels"


def _describe_sample(signal: Any, result: Quantification) -> None:
    model = result.fit.model
    settled = replace(
        result.image.acquisition,
        beam_energy_keV=model.beam_energy_keV,
        energy_resolution_MnKa_eV=model.resolution_MnKa_eV,
    )
    describe(signal, settled)
    signal.set_elements(sorted({family.element for family in model.families}))
    # `set_lines` would add lines of the elements that are fitted only.
    lines = sorted(str(family.alpha) for family in model.quantified)
    signal.metadata.set_item("Sample.xray_lines", lines)


def _own_metadata(result: Quantification) -> dict[str, Any]:
    """Return what HyperSpy has no place for: arrays, and texts in JSON and CSV."""
    acquisition = asdict(replace(result.image.acquisition, vendor=None))
    energy, source, part = result.image.energy, result.image.source, result.image.part
    provenance = {
        "format": FORMAT,
        "version": VERSION,
        "source": None if source is None else source.name,
        MAP_PART: None if part is None else part.to_dict(),
        "energy_offset_keV": energy.offset_keV,
        "energy_scale_keV": energy.scale_keV,
        "acquisition": acquisition,
        "weight_sums": {
            str(f): float(w)
            for f, w in zip(result.fit.model.families, result.fit.model.weight_sums, strict=True)
        },
        "names": [str(name) for name in result.table[CHIP]],
    }
    return {
        "label_ids": result.label_spectra.ids.copy(),
        "n_pixels": result.label_spectra.n_pixels.copy(),
        "recipe": result.recipe.model_dump_json(),
        "table": csv_text(result.table),
        "provenance": json.dumps(provenance),
    }


def _store_model(signal: Any, result: Quantification) -> None:
    fit, spectral = result.fit, result.fit.model
    model = signal.create_model(auto_background=False, auto_add_lines=False)
    known = [_is_known(family, spectral) for family in spectral.families]
    model.add_family_lines(
        [str(f.alpha) for f, k in zip(spectral.families, known, strict=True) if k]
    )
    errors = fit.intensity_errors / spectral.weight_sums
    for i, family in enumerate(spectral.families):
        if known[i]:
            _place_lines(model, family, spectral)
            _set(model[str(family.alpha)].A, fit.alpha_areas[:, i], errors[:, i])
            if spectral.pile_up is not None:
                name, pairs = f"pile_up_{family}", spectral.pile_up[:, i]
                pattern = _add_pattern(model, signal, result, name, pairs)
                pattern.yscale.twin = model[str(family.alpha)].A
                _set(pattern.yscale, fit.alpha_areas[:, i])
        else:
            pattern = _add_pattern(model, signal, result, str(family), spectral.profiles[:, i])
            _set(pattern.yscale, fit.alpha_areas[:, i], errors[:, i])
    for line in model.family_lines:
        _follow(line)
    for name, parameter, values in _background(model, signal, result):
        _set(getattr(model[name], parameter), values)
    in_fit = np.zeros(signal.axes_manager.signal_size, bool)
    in_fit[spectral.channels] = True
    model.set_signal_range_from_mask(in_fit)
    for component in model:
        for parameter in component.parameters:
            if not parameter.map["is_set"].all():
                _set(parameter, parameter.value)
    model.fetch_stored_values()
    model.store(MODEL_NAME)


def _set(parameter: Any, values: np.ndarray | float, errors: np.ndarray | None = None) -> None:
    """Set a parameter of the model for every label."""
    parameter.map["values"] = values
    parameter.map["std"] = np.nan if errors is None else errors
    parameter.map["is_set"] = True


def _is_known(family: xray.Family, spectral: SpectralModel) -> bool:
    """Whether eXSpy's table can express a family: it and the fit have its alpha line."""
    drawn = spectral.lines[spectral.families.index(family)]
    alpha = f"{family.family}a"
    return family.family in xray.families_of(family.element) and any(
        line.name.startswith(alpha) for line in drawn
    )


def _place_lines(model: Any, family: xray.Family, spectral: SpectralModel) -> None:
    """Give eXSpy's lines of a family the energies and weights that were fitted.

    Doublets, which eXSpy draws as one line, are put at their mean; lines that it lacks are added
    to the nearest one it has.
    """
    drawn = spectral.lines[spectral.families.index(family)]
    components = [c for c in (*model.xray_lines, *model.family_lines) if _is_of(c.name, family)]
    table = {c.name.partition("_")[2]: float(c.centre.value) for c in components}
    for component, name in zip(components, table, strict=True):
        lines = [line for line in drawn if _name_among(line, table) == name]
        weight = sum(line.weight for line in lines)
        if not weight:
            continue
        energy = sum(line.weight * line.energy_keV for line in lines) / weight
        component.centre.value = energy
        component.fwhm = float(xray.fwhm_keV(energy, spectral.resolution_MnKa_eV))
        if component.A.twin is not None:
            component.A.twin_function_expr = f"x * {weight!r}"


def _is_of(component_name: str, family: xray.Family) -> bool:
    element, _, line = component_name.partition("_")
    return element == family.element and line.startswith(family.family)


def _name_among(line: xray.XRayLine, table: Mapping[str, float]) -> str:
    """Return eXSpy's name of a line: its own, alpha of a doublet, or the nearest other."""
    alpha = f"{line.name[0]}a"
    if line.name in table or line.name.startswith(alpha):
        return line.name if line.name in table else alpha
    others = [name for name in table if name != alpha] or [alpha]
    return min(others, key=lambda name: abs(table[name] - line.energy_keV))


def _follow(line: Any) -> None:
    """Set the area of a line that is tied to its alpha line for every label."""
    alpha = line.A.twin
    alpha.value = 1.0
    _set(line.A, alpha.map["values"] * line.A.value)


def _background(
    model: Any, signal: Any, result: Quantification
) -> list[tuple[str, str, np.ndarray]]:
    """Add the background; return component, parameter and values of each of its columns."""
    spectral, coefficients = result.fit.model, result.fit.background_coefficients
    if spectral.background_shape is None:
        model.add_polynomial_background(order=spectral.background_order)
        (polynomial,) = model.background_components
        return [(polynomial.name, f"a{i}", c) for i, c in enumerate(coefficients.T)]
    patterns = spectral.background
    if result.fit.backgrounds is not None:
        own, amounts = _own_backgrounds(result.fit)
        patterns, coefficients = np.hstack([patterns, own]), np.hstack([coefficients, amounts])
    columns = []
    for i, column in enumerate(patterns.T):
        component = _add_pattern(model, signal, result, f"background_{i}", column)
        model.background_components.append(component)
        columns.append((component.name, "yscale", coefficients[:, i]))
    return columns


def _own_backgrounds(fit: Fit) -> tuple[np.ndarray, np.ndarray]:
    """Return patterns that backgrounds of labels add to the common one, and how much of each.

    A few make up all that compositions do to backgrounds.

    Returns
    -------
    patterns : ndarray, (channels of the fit, patterns)
    amounts : ndarray, (labels, patterns)
    """
    own = fit.background - fit.background_coefficients @ fit.model.background.T
    amounts, sizes, patterns = np.linalg.svd(own, full_matrices=False)
    used = sizes > _LEAST_PATTERN * max(float(np.linalg.norm(fit.background)), 1.0)
    return patterns[used].T, (amounts * sizes)[:, used]


def _add_pattern(
    model: Any, signal: Any, result: Quantification, name: str, column: np.ndarray
) -> Any:
    """Add a component of fixed shape, (channels of the fit,), to the model."""
    from hyperspy.components1d import ScalableFixedPattern

    pattern = signal.inav[0].deepcopy()
    pattern.metadata.General.title = name.replace("_", " ")
    pattern.data = np.zeros(pattern.data.shape)
    pattern.data[result.fit.model.channels] = column
    component = ScalableFixedPattern(pattern)
    component.name = name
    component.xscale.free = component.shift.free = False
    model.append(component)
    return component


def _label_file(spectra: np.ndarray, stored: h5py.Group, own: Mapping[str, Any]) -> LabelFile:
    """Put together what the file holds."""
    ids = np.asarray(stored["label_ids"], dtype=np.int64)
    acquisition = dict(own["acquisition"])
    acquisition["detectors"] = tuple(Detector(**d) for d in acquisition["detectors"])
    acquisition["elements"] = tuple(acquisition["elements"])
    energy = EnergyAxis(own["energy_offset_keV"], own["energy_scale_keV"], spectra.shape[-1])
    part = own.get(MAP_PART)  # absent from earlier files
    return LabelFile(
        label_spectra=LabelSpectra.held(
            ids=ids,
            spectra=spectra.reshape(ids.size, -1),
            n_pixels=np.asarray(stored["n_pixels"], dtype=np.int64),
            energy=energy,
        ),
        names=MappingProxyType(dict(zip(ids.tolist(), own["names"], strict=True))),
        recipe=Recipe.model_validate_json(stored.attrs["recipe"]),
        table=read_table(stored.attrs["table"].encode()),
        acquisition=Acquisition(**acquisition),
        weight_sums=MappingProxyType(dict(own["weight_sums"])),
        source=own["source"],
        part=None if part is None else MapPart.from_dict(part),
    )
