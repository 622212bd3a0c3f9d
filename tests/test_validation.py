"""The quick form of the validation: every check that is asserted passes."""

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="module")
def sections(data_dir):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).resolve().parents[1])
        from benchmarks.validation import __main__ as validation
        from benchmarks.validation import report

        yield validation.every_section(report.Run(data_dir, quick=True))


def test_every_check_passes(sections):
    checks = [check for section in sections for check in section.checks]
    failed = [f"{c.what}: {c.got}" for c in checks if c.asserted and not c.passed]
    assert not failed
    assert len(checks) > 40


def test_only_checks_that_are_listed_are_told_and_not_asserted(sections):
    from benchmarks.validation.falls_short import FALLS_SHORT

    checks = [check for section in sections for check in section.checks]
    assert {c.what for c in checks if not c.passed} <= FALLS_SHORT
    assert all(c.asserted != (c.what in FALLS_SHORT) for c in checks)
    assert len({c.what for c in checks}) == len(checks)


def test_the_document_and_its_figures_are_written(sections, tmp_path):
    from benchmarks.validation import report

    path = tmp_path / "validation.md"
    report.save(sections, path, "# Validation")
    text = path.read_text(encoding="utf-8")
    images = sorted(image.name for image in (tmp_path / "images").iterdir())
    assert len(images) == 3
    assert all(f"](images/{name})" in text for name in images)
    assert text.count("\n## ") == len(sections) + 1


@pytest.fixture(scope="module")
def harness():
    """Modules of the validation, which need no data to be imported."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).resolve().parents[1])
        from benchmarks.validation import coverage, materials, remarks

        yield materials, remarks, coverage


def found(materials, true, got, *, counting=0.1, flag=""):
    of = materials.Material("nominal/XY/60", "nominal", "XY", {"X": 50.0}, ("Y",), 5.0, 60.0)
    return materials.Found(of, "X" if true else "Y", true, got, 0.5, counting, True, flag)


@pytest.mark.parametrize(
    ("true", "got", "counting", "verdict"),
    [
        (50.0, 52.4, 0.1, "right"),  # within 5 %
        (50.0, 47.2, 0.1, "wrong"),
        (50.0, 53.0, 1.0, "neither"),  # 0.5 at.% farther than 5 %, which counting explains
        (0.0, 0.9, 0.1, "right"),
        (0.0, 2.0, 0.1, "wrong"),
        (0.0, -3.0, 0.1, "right"),  # nothing is found of it
        (2.0, 3.0, 0.1, "right"),  # no major: its relative error does not count
    ],
)
def test_a_result_is_right_or_wrong_or_neither(harness, true, got, counting, verdict):
    materials, remarks, _ = harness
    case = remarks.Case("as it is", 5000, (found(materials, true, got, counting=counting),))
    named = {"right": case.right, "wrong": case.wrong}
    assert named == {name: name == verdict for name in named}


def test_bias_is_told_in_total_errors_and_chance_is_taken_off(harness):
    materials = harness[0]
    rng = np.random.default_rng(1)
    draws = [[found(materials, 50.0, 51.0 + noise)] for noise in rng.normal(0, 0.5, 400)]
    (bias,) = materials.biases_of(draws)
    assert bias.mean == pytest.approx(2, abs=0.15)  # 1 at.% of 0.5
    assert bias.standard_error == pytest.approx(1 / 20, rel=0.15)
    assert bias.beyond_chance == pytest.approx(bias.mean - 2 * bias.standard_error)


def test_a_wrong_axis_is_off_by_what_a_calibration_has_to_find(harness):
    materials, _, coverage = harness
    axis = coverage.wrong_axis(np.random.default_rng(3))
    off_eV = 1000 * (materials.ENERGY.energies_keV - axis.energies_keV)
    slope, offset = np.polyfit(axis.energies_keV, off_eV, 1)
    assert 0 < abs(offset) <= coverage.OFFSET_eV
    assert 0 < abs(slope) <= 10 * coverage.GAIN_percent
    assert np.ptp(off_eV - slope * axis.energies_keV) < 1e-6


def test_work_on_many_cores_keeps_its_order(harness):
    from benchmarks.validation.cores import FEW, spread

    assert spread(abs, [-n for n in range(3 * FEW)]) == list(range(3 * FEW))
