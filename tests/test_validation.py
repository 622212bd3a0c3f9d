"""The quick form of the validation: every check that is asserted passes."""

from pathlib import Path

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


def test_only_one_check_is_told_and_not_asserted(sections):
    told = [c.what for section in sections for c in section.checks if not c.asserted]
    assert told == ["K412, default: largest difference to DTSA-II"]


def test_the_document_and_its_figures_are_written(sections, tmp_path):
    from benchmarks.validation import report

    path = tmp_path / "validation.md"
    report.save(sections, path, "# Validation")
    text = path.read_text(encoding="utf-8")
    images = sorted(image.name for image in (tmp_path / "images").iterdir())
    assert len(images) == 3
    assert all(f"](images/{name})" in text for name in images)
    assert text.count("\n## ") == len(sections) + 1
