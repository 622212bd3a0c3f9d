"""Compositions of single pixels: seconds, memory, and errors beside the truth and HyperSpy.

``python benchmarks/pixel_maps.py [DATA_FOLDER] [--write FILE]``; the picture is written beside
the file, into ``images``. Seconds and peak memory are those of processes of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from unittest import mock

import numpy as np
from scipy import ndimage

import napari_eds as eds
from napari_eds._support import hyperspy
from napari_eds.fitting.model import build_model
from napari_eds.quantification.advice import MAJOR_AT_PCT
from napari_eds.quantification.pixels import fit as pixel_fit
from napari_eds.quantification.pixels.kernels import Kernel
from napari_eds.quantification.pixels.maps import PixelMaps, pixel_maps, recommended_kernel
from napari_eds.quantification.table import at_pct

DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
MAP = "simulated/LFO_STO_512"
FAMILY = "simulated/kfactors_family_sum_windowless.csv"
ALPHA = "simulated/kfactors_alpha_line_windowless.csv"
VELOX = "real/kfactors/k-factors-Spectra300UTK200keV.csv"
ELEMENTS = ("La", "Fe", "O", "Sr", "Ti", "Pt")
FIT_ONLY = ("C", "Cu", "Ga")
DENSITY_g_cm3 = 5.12
BIN = 5
SIZES = (1, 3, 5, 9, 15)
#: Limits of the significance of the amount of atoms that are compared.
LIMITS_SIGMA = (0.0, 3.0, 4.0, 5.0)
PHASES = (2, 3, 5)

INTRODUCTION = """\
# Compositions of single pixels

A pixel of a STEM map holds tens of counts, far too few for a composition; averaged with its
neighbours by a kernel it may hold enough. `pixel_maps` fits all pixels at once: model, energy
axis, line ratios and background are settled on the summed spectrum exactly as for `quantify`, and
one pseudo-inverse with the weights of that sum turns counts into intensities. That is linear, so
averaging intensities with a kernel is the same as fitting averaged spectra. Cliff-Lorimer and
absorption follow for each pixel. The map is never made dense.

Every number here is from `python benchmarks/pixel_maps.py --write docs/pixel-maps.md`
({versions},
{cores} cores, load {load:.1f}, one thread for linear algebra)."""

NOISE = """\
## What noise does

At. % of pixels whose whole kernel lies in one pure phase of `LFO_STO_512` (60 counts per pixel),
with the true map of thickness. `known` is the share of pixels with a composition; `bias` and `sd`
are those of the mean over pixels and of single pixels, `stated` is the median stated error. z is
the deviation from the mean over the stated error, of every pixel; its standard deviation should
be 1. Elements below 5 at. % are left out.

{table}

- **At low counts a ratio is not its mean.** With single pixels, the few that pass are those that
  noise lifted: their mean is wrong by several at. % and must not be used. From 3 x 3 pixels on,
  bias is that of the model, the same that `quantify` has, but for about 0.1 at. %. For the
  composition of a region, quantify it as a label: that sums counts before it divides.
- **Pixels without enough information are NaN**: those whose amount of atoms in all, by which
  everything is divided, is not above five of its standard deviations (or of which no element is
  detected). In the vacuum more than {far_px} pixels away from the specimen, {false} of {far:,}
  pixels get a composition with the recommended kernel. Other limits are in the second table.
- **Absent elements scatter around zero and are not set to zero**, which would bias them
  upwards and all others downwards. `detected` says where an intensity exceeds three standard
  deviations: {detected}.
- **Stated errors come from the counts that the fit expects**, as those of labels do. With observed
  counts, an element of whose lines no count was found would be certain to be absent; z of Sr
  in LaFeO3 then has a standard deviation of 1.7 at 3 x 3 pixels (0.8 now: absent lines count as
  at least absent, and each might have given one count more, so their errors are on the large
  side).
- **Neighbours share counts.** Errors of pixels closer than a kernel are not independent.
- **One set of weights costs little.** At the centres of 15 x 15 chips, scatter of single pixels
  with that kernel over that of `quantify`: {shared}.
- A kernel across a boundary mixes both sides; only a smaller kernel or a mask helps. Pixels
  outside the mask are never averaged in.

Limits of the amount of atoms, in its standard deviations: O in single pixels of LaFeO3 (60 at. %),
and pixels of the far vacuum that get a composition with a kernel of 5 x 5.

{limits}"""

KERNEL = """\
## The recommended kernel

`recommended_kernel` scales the errors of the summed spectrum to fewer pixels and takes the
smallest kernel that keeps those of elements above {major:g} at. % below a limit, 3 at. % by
default. The sum stands for the average pixel: phases with fewer counts get larger errors.

{table}"""

SPEED = """\
## Speed and memory

Seconds from the open image to the maps, and the most memory of the process, imports and image
included (`image` is what the process held before). On a busy machine the seconds of the
processor (CPU) are the fairer ones. HyperSpy fits the same families on a
polynomial background with its linear least squares (equal weights, axis of the file, no errors)
and quantifies without absorption; it had the map binned {bin} x {bin}, as all pixels of this map
would need {dense:.0f} GB. Ours is the whole map, every pixel, with calibration, errors and, in the
first line, absorption.

{table}

Compositions of the same bins, at. % with alpha k-factors, no absorption correction: mean and
standard deviation over the bins in pure LaFeO3. The means differ by what calibration, line shapes
and weights do (`docs/validation.md`).

{peer}"""

REAL = """\
## Measured maps

With the kernel recommended for 3 at. %. `5 to 95 %` is the range of most pixels' at. %, `error`
the median of their statistical errors, `sum` what `quantify` gives for all pixels together. The
intensities of all pixels add up to those of `quantify` to {worst:.0e} standard deviations for
every family of every map. k-factors are computed ones, absorption is not corrected.

{table}

Nothing is known for certain of these specimens, but the pixels of 64.pts form two groups near
Al2O3 and SiO2, which the sum hides. The dacite (SEM, bulk) needs a matrix correction that
Cliff-Lorimer is not, and k-factors that cannot be computed at 20 keV: with k = 1 for all, it is
here for speed only. None of the maps is dense enough (a fifth of all channels) to be kept dense;
that both ways give the same is tested."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--write", type=Path, help="save the report as markdown")
    parser.add_argument("--child", choices=CHILDREN, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(CHILDREN[options.child](options.data, options.out)))
        return
    report = "\n\n".join(sections(options.data, options.write))
    print(report)
    if options.write:
        options.write.write_text(report + "\n", encoding="utf-8")


def sections(data: Path, write: Path | None) -> list[str]:
    load = os.getloadavg()[0]
    speed = speed_section(data)
    image, truth, recipe, thickness = simulated(data)
    found = {
        size: pixel_maps(image, recipe, kernel=Kernel("mean", size), thickness_nm=thickness)
        for size in SIZES
    }
    if write:
        draw(found, truth, write.parent / "images" / "pixel_maps.png")
    names = ("hyperspy", "exspy", "numpy", "scipy")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    return [
        INTRODUCTION.format(
            versions=f"Python {platform.python_version()}, {versions}",
            cores=os.cpu_count(),
            load=load,
        ),
        "![At. % of La and Fe by kernel, beside the truth](images/pixel_maps.png)",
        speed,
        noise_section(found, truth, image, recipe, thickness),
        kernel_section(found, truth, image, recipe, thickness),
        real_section(data),
    ]


def simulated(data: Path):
    """Return the image, its truth, a recipe, and the thickness of the recipe's density."""
    truth = np.load(data / f"{MAP}_truth.npz", allow_pickle=False)
    recipe = eds.Recipe(
        elements=ELEMENTS,
        fit_only=FIT_ONLY,
        k_factors=eds.read_k_factors(data / FAMILY),
        absorption=eds.Absorption(thickness_nm=55, density_g_cm3=DENSITY_g_cm3),
    )
    thickness = truth["thickness_nm"] * truth["density_g_cm3"] / DENSITY_g_cm3
    return eds.load(data / f"{MAP}.emd"), truth, recipe, thickness


def inside(truth, phase: int, size: int) -> np.ndarray:
    """Pixels whose kernel lies wholly in a pure phase."""
    return ndimage.binary_erosion(truth["pure"] & (truth["label"] == phase), np.ones((size, size)))


def noise_section(found: dict[int, PixelMaps], truth, image, recipe, thickness) -> str:
    rows = [
        row
        for phase in PHASES
        for size, maps in found.items()
        for row in noise_rows(maps, truth, phase, size)
    ]
    head = ("phase", "kernel, px", "known", "element", "truth", "bias", "sd", "stated", "sd of z")
    maps = found[BIN]
    far = ndimage.distance_transform_edt(~truth["specimen"]) > BIN
    film = inside(truth, 2, BIN)
    seen = {e: 100 * maps.detected[i][film].mean() for i, e in enumerate(maps.elements)}
    return NOISE.format(
        table=markdown(head, rows),
        far_px=BIN,
        far=int(far.sum()),
        false=int(np.isfinite(maps.atomic_pct[0][far]).sum()),
        detected=f"in LaFeO3 with {BIN} x {BIN} pixels, "
        + ", ".join(f"{e} in {share:.1f} %" for e, share in seen.items()),
        limits=limits_table(truth, image, recipe, thickness),
        shared=shared_costs(found[15], truth, image, recipe, thickness),
    )


def noise_rows(maps: PixelMaps, truth, phase: int, size: int):
    where = inside(truth, phase, size)
    known = np.isfinite(maps.atomic_pct[0][where])
    for (element, values), errors in zip(
        maps.maps().items(), maps.errors_statistical, strict=True
    ):
        true = float(truth[f"at_{element}"][where].mean())
        if true < MAJOR_AT_PCT or not known.any():
            continue
        at, error = values[where][known], errors[where][known]
        z = (at - at.mean()) / error
        yield (
            str(truth["phase_names"][phase]),
            f"{size} x {size}",
            f"{100 * known.mean():.1f} %",
            element,
            f"{true:.1f}",
            f"{at.mean() - true:+.2f}",
            f"{at.std():.2f}",
            f"{np.median(error):.2f}",
            f"{z.std():.2f}",
        )


def limits_table(truth, image, recipe, thickness) -> str:
    film, oxygen = inside(truth, 2, 1), ELEMENTS.index("O")
    far = ndimage.distance_transform_edt(~truth["specimen"]) > BIN
    rows = []
    for limit in LIMITS_SIGMA:
        with mock.patch.object(pixel_fit, "LEAST_TOTAL_SIGMA_OF_PIXELS", limit):
            single, wide = (
                pixel_maps(image, recipe, kernel=Kernel("mean", size), thickness_nm=thickness)
                for size in (1, BIN)
            )
        at = single.atomic_pct[oxygen][film]
        known = np.isfinite(at)
        rows.append(
            (
                f"{limit:g}",
                f"{100 * known.mean():.1f} %",
                f"{at[known].mean() - 60:+.1f}",
                f"{at[known].std():.1f}",
                f"{np.percentile(at[known], 0.1):.0f} to {np.percentile(at[known], 99.9):.0f}",
                f"{np.isfinite(wide.atomic_pct[0][far]).sum()} of {far.sum():,}",
            )
        )
    return markdown(("limit", "known", "bias", "sd", "0.1 to 99.9 %", "in the vacuum"), rows)


def shared_costs(maps: PixelMaps, truth, image, recipe, thickness) -> str:
    """Scatter with shared weights over that of a fit of each chip, in pure LaFeO3."""
    chips = eds.grid_chips(image.shape, 15)
    result = eds.quantify(image, chips, recipe, thickness_nm=thickness)
    pure = truth["pure"] & (truth["label"] == 2)
    ids = np.setdiff1d(result.labels[pure], [0, *np.unique(result.labels[~pure])])
    row, column = centres(result.labels, ids)
    parts = []
    for element, values in maps.maps().items():
        ratio = values[row, column].std() / result.table.loc[ids, at_pct(element)].std()
        parts.append(f"{element} {ratio:.2f}")
    return ", ".join(parts) + " (Sr, Ti and Pt are absent there)"


def centres(labels: np.ndarray, ids: np.ndarray) -> np.ndarray:
    return np.rint(ndimage.center_of_mass(np.ones(labels.shape), labels, ids)).astype(int).T


def kernel_section(found, truth, image, recipe, thickness) -> str:
    rows = []
    for limit in (5.0, 3.0, 2.0, 1.0):
        kernel = recommended_kernel(image, recipe, error_at_pct=limit, thickness_nm=thickness)
        size = int(kernel.size)
        maps = found.get(size) or pixel_maps(image, recipe, kernel=kernel, thickness_nm=thickness)
        cells = []
        for phase in PHASES:
            where = inside(truth, phase, size)
            major = [truth[f"at_{e}"][where].mean() > MAJOR_AT_PCT for e in maps.elements]
            cells.append(
                f"{np.nanmedian(maps.errors_statistical[:, where], axis=1)[major].max():.2f}"
            )
        rows.append((f"{limit:g}", f"{size} x {size}", *cells))
    names = [f"largest median error in {truth['phase_names'][phase]}" for phase in PHASES]
    return KERNEL.format(
        major=MAJOR_AT_PCT, table=markdown(("limit, at. %", "kernel, px", *names), rows)
    )


def speed_section(data: Path) -> str:
    with tempfile.TemporaryDirectory() as folder:
        runs = {child: run(child, data, Path(folder) / f"{child}.npz") for child in CHILDREN}
        ours, theirs = (np.load(Path(folder) / f"{child}.npz") for child in ("plain", "hyperspy"))
        peer = peer_table(ours, theirs, data)
    names = {
        "corrected": f"napari-eds, 512 x 512 pixels, kernel {BIN} x {BIN}, absorption",
        "plain": f"napari-eds, 512 x 512 pixels, kernel {BIN} x {BIN}",
        "hyperspy": f"HyperSpy, 102 x 102 bins of {BIN} x {BIN} pixels",
    }
    rows = [
        (
            name,
            f"{r['pixels']:,}",
            f"{r['seconds']:.1f}",
            f"{r['cpu']:.1f}",
            f"{1e6 * r['cpu'] / r['pixels']:.0f}",
            f"{r['before']:.0f}",
            f"{r['MB']:.0f}",
        )
        for child, name in names.items()
        for r in [runs[child]]
    ]
    head = ("", "pixels", "s", "CPU s", "CPU µs per pixel", "image, MB", "peak, MB")
    channels = 3760
    dense = 512 * 512 * channels * 8 / 1e9
    return SPEED.format(table=markdown(head, rows), bin=BIN, dense=dense, peer=peer)


def peer_table(ours, theirs, data: Path) -> str:
    truth = np.load(data / f"{MAP}_truth.npz", allow_pickle=False)
    pure = inside(truth, 2, BIN)[ours["row"], ours["column"]]
    rows = [
        (
            e,
            *(
                f"{x[i][pure].mean():.2f} ± {x[i][pure].std():.2f}"
                for x in (ours["at"], theirs["at"])
            ),
        )
        for i, e in enumerate(ELEMENTS)
    ]
    return markdown(("element", "napari-eds", "HyperSpy"), rows)


def run(child: str, data: Path, out: Path) -> dict:
    command = [sys.executable, __file__, str(data), "--child", child, "--out", str(out)]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def ours_child(data: Path, out: Path, *, corrected: bool) -> dict:
    hyperspy.exspy()  # imports are not counted
    image, _, recipe, thickness = simulated(data)
    if not corrected:
        table = eds.read_k_factors(data / ALPHA, convention="alpha")
        recipe = recipe.model_copy(update={"absorption": None, "k_factors": table})
    before = peak_megabytes()
    start, cpu = time.perf_counter(), time.process_time()
    maps = pixel_maps(
        image,
        recipe,
        kernel=Kernel("mean", BIN),
        thickness_nm=thickness if corrected else None,
    )
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    peak = peak_megabytes()
    chips = eds.grid_chips(image.shape, BIN)
    row, column = centres(chips.labels, np.unique(chips.labels[chips.labels > 0]))
    np.savez(out, at=maps.atomic_pct[:, row, column], row=row, column=column)
    return {"seconds": seconds, "cpu": cpu, "before": before, "MB": peak, "pixels": image.n_pixels}


def hyperspy_child(data: Path, out: Path) -> dict:
    image, _, recipe, _ = simulated(data)
    chips = eds.grid_chips(image.shape, BIN)
    rows, columns = (extent // BIN for extent in image.shape)
    spectra = image.label_spectra(chips.labels).spectra
    model = build_model(image.energy, image.acquisition, recipe)
    with hyperspy.quiet():
        signal = hyperspy.exspy().signals.EDSTEMSpectrum(
            spectra[:, model.channels].reshape(rows, columns, -1)
        )
        axis = signal.axes_manager.signal_axes[0]
        axis.name, axis.units = "Energy", "keV"
        axis.offset, axis.scale = model.energy.offset_keV, model.energy.scale_keV
        signal.set_microscope_parameters(
            beam_energy=model.beam_energy_keV, energy_resolution_MnKa=model.resolution_MnKa_eV
        )
        before = peak_megabytes()
        start, cpu = time.perf_counter(), time.process_time()
        fitted = signal.create_model(auto_background=False, auto_add_lines=False)
        fitted.add_family_lines([str(family.alpha) for family in model.families])
        fitted.add_polynomial_background(order=model.background_order)
        fitted.multifit(optimizer="lstsq", show_progressbar=False)
        lines = [str(family.alpha) for family in model.quantified]
        table = eds.read_k_factors(data / ALPHA, convention="alpha")
        factors = {str(f.alpha): table.find(f.element, f.family).value for f in model.quantified}
        signal.set_elements(list(ELEMENTS))
        signal.set_lines(lines)
        wanted = signal.metadata.Sample.xray_lines
        found = {s.metadata.Sample.xray_lines[0]: s for s in fitted.get_lines_intensity(wanted)}
        quantified = signal.quantification(
            [found[line] for line in wanted],
            method="CL",
            factors=[factors[line] for line in wanted],
            composition_units="atomic",
        )
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        peak = peak_megabytes()
    by_element = {s.metadata.Sample.elements[0]: s.data.ravel() for s in quantified}
    np.savez(out, at=np.stack([by_element[e] for e in ELEMENTS]))
    return {"seconds": seconds, "cpu": cpu, "before": before, "MB": peak, "pixels": rows * columns}


def peak_megabytes() -> float:
    """Return the most memory this process has held; the system must be Linux or macOS."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


CHILDREN = {
    "corrected": lambda data, out: ours_child(data, out, corrected=True),
    "plain": lambda data, out: ours_child(data, out, corrected=False),
    "hyperspy": hyperspy_child,
}


def real_section(data: Path) -> str:
    """Quantify measured maps of several makers with the kernel recommended for them."""
    rows, worst = [], 0.0
    for name, settings in REAL_MAPS.items():
        image, recipe = eds.load(data / "real" / name), eds.Recipe(**settings)
        start = time.perf_counter()
        maps = pixel_maps(image, recipe)
        seconds = time.perf_counter() - start
        whole = eds.quantify(image, np.ones(image.shape, int), recipe)
        single = pixel_maps(image, recipe, kernel=Kernel("mean", 1)).intensities
        added = single.sum(axis=(1, 2), dtype=float)
        differences = np.abs(added - whole.fit.intensities[0]) / whole.fit.intensity_errors[0]
        worst = max(worst, differences.max())
        low, high = np.nanpercentile(maps.atomic_pct, (5, 95), axis=(1, 2))
        compositions = (
            ", ".join(
                f"{e} {a:.0f} to {b:.0f}" for e, a, b in zip(maps.elements, low, high, strict=True)
            ),
            per_element(maps.elements, np.nanmedian(maps.errors_statistical, axis=(1, 2))),
            per_element(maps.elements, 100 * whole.composition.atomic_fractions[0]),
        )
        rows.append(
            (
                Path(name).name,
                " x ".join(map(str, image.shape)),
                f"{image.total_counts / image.n_pixels:,.0f}",
                f"{maps.kernel.size:g}",
                f"{100 * np.isfinite(maps.atomic_pct[0]).mean():.0f} %",
                *(compositions if recipe.k_factors is None else ("",) * 3),
                f"{seconds:.1f}",
            )
        )
    head = (
        "map",
        "pixels",
        "counts/px",
        "kernel, px",
        "known",
        "5 to 95 %, at. %",
        "error",
        "sum, at. %",
        "s",
    )
    return REAL.format(table=markdown(head, rows), worst=worst)


def per_element(elements, values) -> str:
    return " ".join(f"{e} {v:.1f}" for e, v in zip(elements, values, strict=True))


DACITE = ("Si", "Al", "Ca", "Fe", "O", "K", "Na", "Mg", "Ti")
REAL_MAPS = {
    "velox/fei_SI_SuperX-HAADF_10frames_10x50.emd": {
        "elements": ("Cr_K", "Fe_K", "Nb_K", "Ni_K", "Ti_K"),
        "fit_only": ("Cu", "Al", "Si", "O"),
    },
    "velox/fei_SI_EDS-HAADF-4detectors_2frames.emd": {
        "elements": ("O", "Si", "Pd"),
        "fit_only": ("C", "Au", "Cu"),
    },
    "bruker/L2083-K-4-1_tilt0.bcf": {
        "elements": ("Pt", "Ga"),
        "fit_only": ("C", "O", "Cu", "Si"),
    },
    "bruker/P45_8bit_compressed_80keV_range.bcf": {
        "elements": DACITE,
        "energy_range_keV": (0.3, 12.0),
        "fit_only": ("P", "Cl", "C"),
        "k_factors": eds.KFactorTable.from_mapping({f"{e}_K": 1.0 for e in DACITE}, "family"),
    },
    "jeol/64.pts": {
        "elements": ("Al", "O", "Si"),
        "fit_only": ("C", "Cu", "Au", "Cr", "Fe", "Co"),
    },
    "hspy/core_shell.hdf5": {
        "elements": ("Fe", "Pt"),
        "energy_range_keV": (5.0, 15.0),
        "fit_only": ("Cu", "Co"),
    },
}


def draw(found: dict[int, PixelMaps], truth, path: Path) -> None:
    """Draw maps of two elements by kernel, beside the truth, and the stated error."""
    from matplotlib.figure import Figure

    sizes = (1, 3, 5, 9)
    figure = Figure(figsize=(13, 5.6), layout="constrained")
    grid = figure.subplots(2, len(sizes) + 2, sharex=True, sharey=True)
    for axes, element, top in zip(grid, ("La", "Fe"), (25, 45), strict=True):
        shown = {f"{size} x {size} px": found[size].maps()[element] for size in sizes}
        shown["truth"] = np.where(truth["specimen"], truth[f"at_{element}"], np.nan)
        for ax, (title, values) in zip(axes, shown.items(), strict=False):
            image = ax.imshow(values, vmin=0, vmax=top)
            ax.set(title=f"{element}, {title}", facecolor="0.85", xticks=[], yticks=[])
        figure.colorbar(image, ax=axes[: len(shown)], label="at. %", shrink=0.8, pad=0.01)
        error = axes[-1].imshow(
            found[5].error_maps()[element], vmin=0, vmax=top / 15, cmap="magma"
        )
        axes[-1].set(title=f"{element}, error at 5 x 5 px", facecolor="0.85", xticks=[], yticks=[])
        figure.colorbar(error, ax=axes[-1], label="at. %", shrink=0.8)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=80)


def markdown(head, rows) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(map(str, row)) + " |" for row in rows)])


if __name__ == "__main__":
    main()
