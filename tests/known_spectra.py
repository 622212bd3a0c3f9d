"""Spectra whose elements are known, measured and simulated."""

from dataclasses import dataclass

import numpy as np

from napari_eds.simulate import Phase, simulate


@dataclass(frozen=True)
class Known:
    """What is known about a measured file.

    `seen` and `weak` are the elements that the description of the data names: those whose proving
    line holds more than 1 % of the counts of all lines, and the others. `missed` and `extra` are
    the mistakes that are known and explained; others fail.
    """

    file: str
    seen: str
    weak: str = ""
    missed: str = ""
    extra: str = ""
    index: int | None = None

    def __str__(self) -> str:
        name = self.file.rpartition("/")[2]
        return name if self.index is None else f"{name}[{self.index}]"


#: Many an extra is there although the description does not name it: carbon and oxygen on bulk
#: specimens, silicon and oxygen in TEM holders, copper and molybdenum in the alloy.
K412 = "O Mg Al Si Ca Fe"
MEASURED = (
    Known("velox/fei_SI_EDS-HAADF-4detectors_2frames.emd", "C O Si Pd Au Cu"),
    # Mo Ka is plain to see at 17.5 keV, and the rest of the fit of this file names Cu.
    Known(
        "velox/fei_SI_SuperX-HAADF_10frames_10x50.emd",
        "Ni Cr Fe Nb O",
        weak="Ti Al Si",
        extra="Cu Mo",
    ),
    # Six counts of Cu in all.
    Known("velox/velox_emd_version11.zip/Test SI 16x16 215 kx.emd", "C O Ca Cu", missed="Cu"),
    Known("velox/velox_emd_v11_elementSelection.zip/SI_empty selection.emd", ""),
    # Two counts above 0.2 keV.
    Known("velox/velox_EELS_EDS.zip/example_velox_EELS_EDS.emd", "", weak="O Fe Co"),
    Known("velox/EDS-STO.emd", "O Ti Sr Cu", index=0),
    Known("bruker/P45_8bit_compressed_80keV_range.bcf", "O Na Mg Al Si K Ca", weak="Fe Ti P Cl"),
    Known("bruker/P45_12bit_packed_8bit.bcf", "O Na Mg Al Si K Ca", weak="Fe Ti P Cl"),
    Known(
        "bruker/L2083-K-4-1_tilt0.bcf",
        "C O Mg Si Ti Fe Cu Ga Pt",
        weak="Al Ca Cr N Na S",
        extra="Ir",
    ),
    Known("bruker/Albite_ChMxd_20kV0p5nA130kHzTC_5p9kHzOCR_4ks.spx", "O Na Al Si", weak="C"),
    Known("bruker/bruker_nano.spx", "Fe S Cu", extra="C O"),
    Known("jeol/64.pts", "C O Al Si Cu", weak="Au Cr Fe Co"),
    # The lines at 5.26 and 5.61 keV are those of Ce.
    Known("jeol/spot.eds", "Ti O Cu", extra="C Ce"),
    # M and L lines of Pt are there, with half a percent of the counts.
    Known("jeol/jeol_seq_eds_files.zip/1/1.ASW", "Ti O Cu", weak="Pt", extra="C Si", index=0),
    Known("jeol/jeol_seq_eds_files.zip/1/1.ASW", "Ti O Cu", extra="C Si", index=1),
    Known("hspy/SiO2 EDS Spectrum Image.hspy", "C O Si Cu"),
    Known("hspy/bare_core.hdf5", "Fe Pt C Cu", weak="Co", extra="O Si"),
    Known("hspy/core_shell.hdf5", "Fe Pt O C Cu", weak="Co", extra="Si"),
    Known("hspy/88_ES-LP_G8_selection2_cropped2.hspy", "Mg Al Si Ca Fe Cu", weak="Ga Hf"),
    Known("phenom/Elid2Version4.elid", "Al Cu", extra="C O", index=0),
    Known("phenom/Elid2Version4.elid", "Al Cu", extra="C O S", index=1),
    Known("phenom/Elid2Version4.elid", "Al Cu", extra="C O S", index=2),
    Known("edax/647_leo_edax_test.spc", "Co O S"),
    Known("dm/test-EDS_spectrum.dm3", ""),
    Known("msa/GaAs/GaAs_05kV.emsa", "Ga As", extra="C O"),
    Known("msa/GaAs/GaAs_10kV.emsa", "Ga As", extra="C O"),
    Known("msa/GaAs/GaAs_15kV.emsa", "Ga As", extra="C"),
    Known("msa/GaAs/GaAs_30kV.emsa", "Ga As", extra="C"),
    *(Known(f"msa/NIST_K412/III-E K412[{i}][4].msa", K412) for i in range(5)),
    Known("msa/NIST_K411_K412_15keV/K412 unk.msa", K412),
    Known("msa/NIST_K411_K412_15keV/K411 std.msa", "O Mg Si Ca Fe"),
    Known("msa/NIST_K412/CaF2 std.msa", "Ca F"),
    Known("msa/NIST_K411_K412_15keV/CaF2 std.msa", "Ca F", extra="C"),
    Known("msa/NIST_K412/Fe std.msa", "Fe", extra="C"),
    Known("msa/NIST_K411_K412_15keV/Fe std.msa", "Fe", extra="O"),
    # Its coat is plainly seen: 34,000 counts a channel at 0.272 keV over 9,000.
    Known("msa/NIST_K412/MgO std.msa", "O Mg", weak="C"),
    Known("msa/NIST_K411_K412_15keV/MgO std.msa", "O Mg"),
    Known("msa/NIST_K412/SiO2 std.msa", "O Si", extra="C"),
    Known("msa/NIST_K411_K412_15keV/Si std.msa", "Si"),
    Known("msa/NIST_K412/Al2O3 std.msa", "O Al"),
    Known("msa/NIST_K411_K412_15keV/Al std.msa", "Al"),
)

COLUMN = {"Cu": 0.03, "C": 0.02}


def simulated(composition, density, *, counts_per_pixel=400, **conditions):
    """Image of 24 x 24 pixels of one phase, 60 nm thick, in a column with grid and strobe peak."""
    phase = Phase("phase", composition, density)
    conditions = {"stray": COLUMN, "strobe": 0.05} | conditions
    return simulate(
        np.ones((24, 24), int), [phase], 60, counts_per_pixel=counts_per_pixel, **conditions
    ).image
