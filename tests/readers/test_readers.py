"""Every file of the data folder against the numbers that its description gives."""

from typing import NamedTuple

import pytest

import napari_eds
from napari_eds._support.raw_files import SUFFIXES


class Row(NamedTuple):
    """One file: shapes and total counts of what it holds, then what they have in common."""

    file: str
    entries: list[tuple[tuple[int, int], int]]
    channels: int
    scale_keV: float
    offset_keV: float
    signal_type: str | None
    beam_energy_keV: float | None
    pixel_size: tuple[float, str] | None = None


ONE = (1, 1)
K412 = (4096, 0.00999856, 0.00163032, "SEM", 20)
K411 = (4096, 0.01001223, 0.00351609, "SEM", 15)
K2496 = (4096, 0.00498077, -0.47332416, "SEM", 10)
CHLORIDE = (4096, 0.00500558, -0.48193076, "SEM", 10)
SANBORNITE = (4096, 0.00500525, -0.48040409, "SEM", 10)
K309 = (4096, 0.00500409, -0.47782416, "SEM", 15)

ROWS = [
    Row("simulated/LFO_STO_512.emd", [((512, 512), 15729616)],
        4096, 0.005, -0.25, "STEM", 300, (0.25, "nm")),
    Row("simulated/LFO_STO_96.emd", [((96, 96), 2763027)],
        4096, 0.005, -0.25, "STEM", 300, (0.25, "nm")),
    Row("real/velox/fei_SI_EDS-HAADF-4detectors_2frames.emd", [((16, 16), 3562739)],
        4096, 0.005, -1.0, "STEM", 200, (1.234, "nm")),
    Row("real/velox/fei_SI_SuperX-HAADF_10frames_10x50.emd", [((50, 10), 764005)],
        4096, 0.005, -1.0, "STEM", 200, (1.234, "nm")),
    Row("real/velox/velox_emd_version11.zip/Test SI 16x16 215 kx.emd", [((16, 16), 42097)],
        4096, 0.01, -0.25, "STEM", 300, (3.599, "nm")),
    Row("real/velox/velox_emd_v11_elementSelection.zip/SI_empty selection.emd",
        [((16, 20), 72)], 4096, 0.005, -0.25, "STEM", 80),
    # HyperSpy shows 128 x 128, the size of an overview image. The scanned part of the raster and
    # the 320 pixels of the stream say 16 x 20, the size of the image recorded with the map.
    Row("real/velox/velox_EELS_EDS.zip/example_velox_EELS_EDS.emd", [((16, 20), 11093)],
        4096, 0.01, -0.2, "STEM", 300),
    Row("real/velox/EDS-STO.emd",
        [(ONE, 190830), (ONE, 34344), (ONE, 8501), (ONE, 70797), (ONE, 77188)],
        4096, 0.005, -0.25, "STEM", 200),
    Row("real/bruker/P45_8bit_compressed_80keV_range.bcf", [((75, 100), 4627814)],
        4096, 0.019994, -1.90003, "SEM", 20, (8.737, "µm")),
    Row("real/bruker/P45_12bit_packed_8bit.bcf", [((75, 100), 915942)],
        2048, 0.010001, -0.472397, "SEM", 20, (8.737, "µm")),
    Row("real/bruker/L2083-K-4-1_tilt0.bcf", [((256, 256), 886553)],
        2048, 0.010003, -0.470891, "STEM", 200, (13.08, "nm")),
    Row("real/bruker/Albite_ChMxd_20kV0p5nA130kHzTC_5p9kHzOCR_4ks.spx", [(ONE, 28085185)],
        4096, 0.004999, -0.477305, "SEM", 20),
    Row("real/bruker/bruker_nano.spx", [(ONE, 76293)], 4096, 0.0025, -0.238925, "SEM", 15),
    Row("real/jeol/64.pts", [((64, 64), 1436255)],
        4096, 0.0100006, -0.961283, "STEM", 200, (5.156, "nm")),
    Row("real/jeol/DigiLine/View000_0000003.pts", [((256, 256), 31178)],
        4096, 0.0100006, -0.961283, "STEM", 200),
    Row("real/jeol/spot.eds", [(ONE, 35860)], 4096, 0.0100006, -0.00122558, "STEM", 200),
    Row("real/jeol/area.eds", [(ONE, 9028)], 4096, 0.0100003, 0.00259742, "STEM", 200),
    Row("real/jeol/jeol_seq_eds_files.zip/1/1.ASW", [(ONE, 83527), (ONE, 39984)],
        4096, 0.0100018, 0.00079, "STEM", 200),
    Row("real/hspy/SiO2 EDS Spectrum Image.hspy", [((128, 128), 823049)],
        2048, 0.01, 0, "STEM", 200, (8.552, "nm")),
    Row("real/hspy/bare_core.hdf5", [((42, 42), 437439)],
        992, 0.02, 0.16, "STEM", 200, (1, "nm")),
    Row("real/hspy/core_shell.hdf5", [((32, 32), 884071)],
        992, 0.02, 0.16, "STEM", 200, (1, "nm")),
    Row("real/hspy/88_ES-LP_G8_selection2_cropped2.hspy", [((80, 80), 716887)],
        1917, 0.01000468, 0.8315195, "STEM", 200, (9.859, "nm")),
    Row("real/phenom/Elid2Version4.elid",
        [((16, 16), 32790), ((16, 16), 127284), ((16, 16), 146075)],
        2048, 0.009887, -0.04, "SEM", 15),
    Row("real/tia/16x16-line_profile_horizontal_5x128x128_EDS.emi", [((1, 5), 11)],
        4000, 0.005, 0, "STEM", 200, (3.689, "nm")),
    Row("real/tia/16x16-line_profile_horizontal_5x128x128_EDS_1.ser", [((1, 5), 11)],
        4000, 0.005, 0, None, None, (3.689, "nm")),
    Row("real/edax/647_leo_edax_test.spc", [(ONE, 17211)], 4096, 0.005, 0, "SEM", 10),
    Row("real/edax/647_leo_edax_test.msa", [(ONE, 17211)], 4096, 0.005, 0, "SEM", 10),
    Row("real/dm/test-EDS_spectrum.dm3", [(ONE, 17051)], 4096, 0.005, -0.478, "STEM", 200),
    Row("real/msa/NIST_K412/III-E K412[0][4].msa", [(ONE, 8079537)], *K412),
    Row("real/msa/NIST_K412/III-E K412[1][4].msa", [(ONE, 8076954)], *K412),
    Row("real/msa/NIST_K412/III-E K412[2][4].msa", [(ONE, 8084496)], *K412),
    Row("real/msa/NIST_K412/III-E K412[3][4].msa", [(ONE, 8086851)], *K412),
    Row("real/msa/NIST_K412/III-E K412[4][4].msa", [(ONE, 8081284)], *K412),
    Row("real/msa/NIST_K412/Al2O3 std.msa", [(ONE, 49737272)], *K412),
    Row("real/msa/NIST_K412/CaF2 std.msa", [(ONE, 44059906)], *K412),
    Row("real/msa/NIST_K412/Fe std.msa", [(ONE, 54450416)], *K412),
    Row("real/msa/NIST_K412/MgO std.msa", [(ONE, 49854807)], *K412),
    Row("real/msa/NIST_K412/SiO2 std.msa", [(ONE, 46648359)], *K412),
    Row("real/msa/NIST_K411_K412_15keV/K411 std.msa", [(ONE, 1852499)], *K411),
    Row("real/msa/NIST_K411_K412_15keV/K412 unk.msa", [(ONE, 1877935)], *K411),
    Row("real/msa/NIST_K411_K412_15keV/Al std.msa", [(ONE, 3928896)], *K411),
    Row("real/msa/NIST_K411_K412_15keV/CaF2 std.msa", [(ONE, 1742031)], *K411),
    Row("real/msa/NIST_K411_K412_15keV/Fe std.msa", [(ONE, 2031661)], *K411),
    Row("real/msa/NIST_K411_K412_15keV/MgO std.msa", [(ONE, 2484172)], *K411),
    Row("real/msa/NIST_K411_K412_15keV/Si std.msa", [(ONE, 3615702)], *K411),
    Row("real/msa/NIST_K2496/K2496_1.msa", [(ONE, 18924998)], *K2496),
    Row("real/msa/NIST_K2496/K2496_2.msa", [(ONE, 18940081)], *K2496),
    Row("real/msa/NIST_K2496/K2496_3.msa", [(ONE, 18939086)], *K2496),
    Row("real/msa/NIST_K2496/BaCl2 std.msa", [(ONE, 14365969)], *CHLORIDE),
    Row("real/msa/NIST_K2496/MgO std.msa", [(ONE, 24203061)], *CHLORIDE),
    Row("real/msa/NIST_K2496/Sanbornite std.msa", [(ONE, 19180889)], *SANBORNITE),
    Row("real/msa/NIST_K2496/Si std.msa", [(ONE, 31529083)], *SANBORNITE),
    Row("real/msa/NIST_K2496/Ti std.msa", [(ONE, 15595011)], *SANBORNITE),
    Row("real/msa/NIST_K309/K309.msa", [(ONE, 3318507)], 4096, 0.005, -0.4757, "SEM", 15),
    Row("real/msa/NIST_K309/Al2O3 std.msa", [(ONE, 2700504)], *K309),
    Row("real/msa/NIST_K309/BaF2 std.msa", [(ONE, 2761635)], *K309),
    Row("real/msa/NIST_K309/CaF2 std.msa", [(ONE, 1970169)], *K309),
    Row("real/msa/NIST_K309/Fe std.msa", [(ONE, 2310247)], *K309),
    Row("real/msa/NIST_K309/Si std.msa", [(ONE, 4420188)], *K309),
    Row("real/msa/NIST_K309/Ti std.msa", [(ONE, 2495097)], *K309),
    Row("real/msa/NIST_K309/Zn std.msa", [(ONE, 3886038)], *K309),
    Row("real/msa/GaAs/GaAs_05kV.emsa", [(ONE, 1172123)], 2048, 0.01, -0.2, "SEM", 5),
    Row("real/msa/GaAs/GaAs_10kV.emsa", [(ONE, 3715247)], 2048, 0.01, -0.2, "SEM", 10),
    Row("real/msa/GaAs/GaAs_15kV.emsa", [(ONE, 2652780)], 2048, 0.01, -0.2, "SEM", 15.05),
    Row("real/msa/GaAs/GaAs_30kV.emsa", [(ONE, 2726371)], 2048, 0.01, -0.2, "SEM", 30),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=[row.file.rpartition("/")[2] for row in ROWS])
def test_file(row, data_file):
    path = data_file(row.file)
    images = napari_eds.read(path)
    assert [(image.shape, image.total_counts) for image in images] == row.entries
    for image in images:
        assert image.n_channels == row.channels
        assert image.energy.calibrated
        assert image.energy.scale_keV == pytest.approx(row.scale_keV, rel=1e-4)
        # The maps of one file differ by a channel.
        assert image.energy.offset_keV == pytest.approx(row.offset_keV, rel=1e-3, abs=6e-3)
        assert image.acquisition.signal_type == row.signal_type
        assert image.acquisition.beam_energy_keV == row.beam_energy_keV
        assert type(image.acquisition.beam_energy_keV) in (float, type(None))
        assert image.source == path
        assert path.stem in image.name
        assert image.metadata
        if row.pixel_size:
            size, unit = row.pixel_size
            assert image.pixel_size == pytest.approx((size, size), rel=1e-3)
            assert image.pixel_unit == unit


def test_table_is_complete(data_dir):
    """No file of the data folder is missing above, but those that hold no calibrated EDS data."""
    others = {
        "SiO2 HAADF Image.hspy",
        "bruker_bcf_fileformat_16x16.rpl",
        "16x16-line_profile_horizontal_5x128x128_EDS_2.ser",
    }
    files = {
        path.relative_to(data_dir).as_posix()
        for path in data_dir.rglob("*")
        if path.suffix.lower() in SUFFIXES and path.name not in others
    }
    assert files == {row.file for row in ROWS if ".zip/" not in row.file}
