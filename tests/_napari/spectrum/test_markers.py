"""Markers of lines."""

from napari_eds._napari.spectrum.markers import element_colors, line_markers
from napari_eds.physics import lines as xray


def test_overlapping_lines_are_found():
    markers = {
        m.line: m for m in line_markers(element_colors(["Ti", "La", "Fe"]), (0.2, 20), 300, 130)
    }
    ti_kb = next(line for line in markers if str(line) == "Ti_Kb")
    assert "La Lb1" in markers[ti_kb].overlaps
    assert markers[ti_kb].name == "Ti Kb*"
    for line, marker in markers.items():
        near = {
            f"{o.element} {o.name}"
            for o in markers
            if o.element != line.element
            and min(o.weight, line.weight) >= 0.1
            and abs(o.energy_keV - line.energy_keV) < xray.fwhm_keV(line.energy_keV, 130)
        }
        assert set(marker.overlaps) == near
