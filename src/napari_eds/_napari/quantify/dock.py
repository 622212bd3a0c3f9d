"""The dock *EDS quantification*: from a spectrum image and labels to at. % maps."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Image, Labels
from napari.utils.notifications import show_info
from napari.viewer import Viewer

from napari_eds._napari.parts.jobs import notify, preload
from napari_eds._napari.parts.panels import (
    COMPARE,
    ELEMENTS,
    EXCHANGE,
    REGIONS,
    RESULTS,
    open_panel,
)
from napari_eds._napari.parts.reasons import (
    BUSY,
    NO_ENERGIES,
    NO_MAP,
    NO_RESULT,
    lacking,
    offer,
)
from napari_eds._napari.parts.saving import (
    ask_to_save,
    may_replace,
    named_after_map,
    save_result,
)
from napari_eds._napari.quantify import cropping, known, missing, words
from napari_eds._napari.quantify.energy_crop import EnergyCropDialog
from napari_eds._napari.quantify.form import QuantificationForm
from napari_eds._napari.quantify.source_part import SourcePart
from napari_eds._napari.state.fields import SettingField
from napari_eds._napari.state.focus import focus_of
from napari_eds._napari.state.label_run import run_on_labels
from napari_eds._napari.state.layers import (
    add_chips,
    bind,
    geometry,
    is_spectrum,
)
from napari_eds._napari.state.settings import FROM_FILE
from napari_eds._napari.state.thickness_maps import LABEL_THICKNESSES, USED
from napari_eds.elements.proposals import Proposal
from napari_eds.errors import EDSError
from napari_eds.labels.chips import grid_chips
from napari_eds.quantification.result import Quantification
from napari_eds.quantification.table import CHIP
from napari_eds.spectra.spectrum_image import SpectrumImage


class QuantificationWidget(QuantificationForm):
    """Dock that makes labels, fits them and shows the result.

    It holds no state: settings live in the layer of the spectrum image, labels in their layer,
    results in the Labels layer and in image layers.
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        self.focus = focus_of(napari_viewer)
        self._viewer: Any = self.focus.viewer
        super().__init__(self._map_choices, self._label_choices)
        self.source_part = SourcePart(self.focus, self.work)
        form = self.sections["Map"].form
        below_crop, _ = form.getWidgetPosition(self.crop.native)
        form.insertRow(below_crop + 1, self.source_part)
        self.source_part.follow_by_tab(self.crop.native)  # it is made after all that is below it
        self._connect()
        self._on_map_changed()
        preload()

    def _connect(self) -> None:
        focus = self.focus
        focus.map_changed.connect(self._on_map_changed)
        focus.settings_changed.connect(self._on_settings_changed)
        focus.labels_changed.connect(self._on_labels_changed)
        focus.layers_changed.connect(self._on_layers_changed)
        focus.result_changed.connect(self._show_state)
        self.map_layer.changed.connect(focus.set_map_layer)
        self.labels_layer.changed.connect(focus.set_labels_layer)
        self.settings_edited.connect(self._on_settings_edited)
        for button, title in (
            (self.choose_elements, ELEMENTS),
            (self.more_regions, REGIONS),
            (self.table, RESULTS),
            (self.compare, COMPARE),
            (self.exchange, EXCHANGE),
        ):
            button.changed.connect(partial(self._open, title))
        self.panels.chosen.connect(self._open)
        self.calibrate.changed.connect(self._on_calibrate)
        self.crop.changed.connect(self._on_crop)
        self.crop_energy.changed.connect(self._on_crop_energy)
        self.make_grid.changed.connect(self._on_make_grid)
        self.new_labels.changed.connect(self._on_new_labels)
        self.run.changed.connect(self.start)
        self.work.changed.connect(self._show_state)
        self.add_missing.changed.connect(self._on_add_missing)
        self.by_label.changed.connect(self._on_by_label)
        focus.settings_changed.connect(self._offer_thicknesses)
        self.work.cancelled.connect(partial(show_info, "Cancelled: nothing was changed."))
        self.save.changed.connect(self._on_save)
        self.solve_thickness.changed.connect(self._on_solve_thickness)
        self.calibrate_k.changed.connect(self._on_calibrate_k)
        self.to_cliff_lorimer.changed.connect(self._on_to_cliff_lorimer)

    # What is chosen: read from the layers each time, never kept.

    @property
    def image(self) -> SpectrumImage | None:
        """The chosen spectrum image."""
        return self.focus.image

    @property
    def result(self) -> Quantification | None:
        """The result of the chosen labels."""
        return self.focus.result

    def _map_choices(self, _widget: Any = None) -> list[tuple[str, Image]]:
        return [(layer.name, layer) for layer in self.focus.map_layers()]

    def _label_choices(self, _widget: Any = None) -> list[tuple[str, Labels]]:
        return [(layer.name, layer) for layer in self.focus.label_layers()]

    def _on_layers_changed(self) -> None:
        """Offer the layers there are now."""
        # Lists that lose their choice take another one, which the user did not choose.
        with self.map_layer.changed.blocked(), self.labels_layer.changed.blocked():
            self.map_layer.reset_choices()
            self.labels_layer.reset_choices()
            if self.focus.map_layer is not None:
                self.map_layer.value = self.focus.map_layer
            if self.focus.labels_layer is not None:
                self.labels_layer.value = self.focus.labels_layer
        self._offer_run()

    def _on_map_changed(self) -> None:
        image = self.image
        self._on_layers_changed()
        self.show_axis_fields(image is not None and not image.energy.calibrated)
        self.show_map_fields(not is_spectrum(image))
        self.sections["Map"].form.setRowVisible(self.source_part, not is_spectrum(image))
        self.about.setText("Open an EDS map first." if image is None else words.about(image))
        self._on_settings_changed()
        self._show_state()

    def _on_labels_changed(self) -> None:
        self._on_layers_changed()
        self._show_state()

    def _show_state(self) -> None:
        """Offer what can be done now and say what the last run gave."""
        image, result = self.image, self.result
        a_map, idle = (image, NO_MAP), (not self.work, BUSY)
        offer(self.make_grid, self.new_labels, self.choose_elements, unless=lacking(a_map))
        offer(self.crop, unless=lacking(a_map, idle))
        calibrated = image is not None and image.energy.calibrated
        offer(
            self.crop_energy,
            unless=lacking(a_map, (calibrated, NO_ENERGIES), idle),
        )
        self._offer_run()
        a_result = (result, NO_RESULT)
        offer(
            *(self.compare, self.table, self.solve_thickness, self.calibrate_k),
            unless=lacking(a_result),
        )
        offer(self.save, unless=lacking(a_result, idle))
        self._offer_missing(result)
        self._offer_thicknesses()
        if not self.work:
            self.status.setText("" if result is None else words.summary(result))
            self.status.setToolTip("" if result is None else "\n".join(result.account()))

    def _offer_run(self) -> None:
        focus = self.focus
        needs = (focus.image, NO_MAP), (focus.labels_layer, focus.no_labels), (not self.work, BUSY)
        offer(self.run, unless=lacking(*needs))

    def _offer_thicknesses(self) -> None:
        """Offer thicknesses that were found of the labels, where there are any."""
        layer = self.focus.labels_layer
        self.sections["Fit"].form.setRowVisible(
            self.by_label.native, bool(LABEL_THICKNESSES.of(layer))
        )
        with self.by_label.changed.blocked():
            self.by_label.value = bool(USED.of(layer))

    def _on_by_label(self, used: bool) -> None:  # noqa: FBT001 - as the check box tells it
        layer = self.focus.labels_layer
        if layer is not None:
            USED.keep(layer, used)
            self.focus.settings_changed.emit()  # of the labels, but as much a setting

    def _offer_missing(self, result: Quantification | None) -> None:
        """Offer to add elements where a result has peaks that none explains."""
        peaks = () if result is None else result.preparation.unexplained
        self.add_missing.native.setVisible(bool(peaks))
        offer(self.add_missing, unless=lacking((not self.work, BUSY)))
        self.add_missing.text = missing.offer(peaks)

    def _on_settings_changed(self) -> None:
        """Show the settings of the map, and what they mean."""
        image, settings = self.image, self.focus.settings
        if image is None or settings is None:
            return
        self.fill(settings)
        self.chip_count.setText(words.chip_text(image, settings.chip_size))
        self.elements_text.setText(words.elements_text(settings))
        by_zeta = settings.draft.method == "zeta"
        self.k_text.setText(
            words.zeta_text(settings) if by_zeta else words.k_text(settings, image)
        )

    def _on_settings_edited(self, field: SettingField) -> None:
        settings = self.focus.settings
        if settings is None:
            return
        try:
            self.focus.set_settings(field.put(settings))
        except EDSError as error:
            notify(error)
            self.fill(settings)

    def _on_to_cliff_lorimer(self) -> None:
        """Leave the method of zeta-factors; their table stays for another time."""
        settings = self.focus.settings
        if settings is not None:
            self.focus.set_settings(settings.edited(method="cliff_lorimer"))

    def _open(self, title: str, _pressed: Any = None) -> None:
        open_panel(self._viewer, title)

    def _on_calibrate(self) -> None:
        """Put the energy axis the user gave into the layer, the home of the image."""
        if self.image is not None:
            self.focus.replace_image(
                self.image.with_energy_axis(
                    offset_keV=self.offset.value, scale_keV=self.scale.value
                )
            )

    def _on_crop(self) -> None:
        """Show the part of the map that a drawn rectangle holds, or have one drawn."""
        image = self.image
        if image is None:
            return
        try:
            pixels = cropping.drawn_rectangle(self.focus)
        except EDSError as error:
            notify(error)
            return
        if pixels is None:
            cropping.draw(self.focus)
            show_info("Draw a rectangle over the map, then press the button again.")
            return
        self.work.run(
            "cropping", lambda _report: image.crop(*pixels), self._on_cropped, replaces=False
        )

    def _on_crop_energy(self) -> None:
        """Show the map of a range of energies."""
        image = self.image
        if image is None:
            return
        dialog = EnergyCropDialog(image, self)
        if dialog.exec():
            low, high = dialog.range_keV()
            self.work.run(
                "cropping",
                lambda _report: image.crop_energy(low, high),
                self._on_cropped,
                replaces=False,
            )

    def _on_cropped(self, image: SpectrumImage) -> None:
        cropping.remove(self.focus)
        self.focus.add_image(image)

    # Labels.

    def _on_make_grid(self) -> None:
        image, size = self.image, self.chip_size.value
        if image is None:
            return
        try:
            chips = grid_chips(image.shape, size)
        except EDSError as error:
            notify(error)
            return
        name = f"chips {size} px"
        layer = self._find_unchanged(name, chips.labels)
        if layer is None:
            features = {"index": list(chips.names), CHIP: list(chips.names.values())}
            layer = add_chips(self._viewer, chips.labels, image, name=name, features=features)
            self._bind(layer)
        self.focus.set_labels_layer(layer)

    def _bind(self, layer: Labels) -> None:
        if self.focus.map_layer is not None:
            bind(layer, self.focus.map_layer)

    def _find_unchanged(self, name: str, labels: np.ndarray) -> Labels | None:
        """Find a grid made before that nobody has painted on."""
        for label, layer in self._label_choices():
            if label == name and np.array_equal(layer.data, labels):
                return layer
        return None

    def _on_new_labels(self) -> None:
        image = self.image
        if image is None:
            return
        layer = self._viewer.add_labels(
            np.zeros(image.shape, np.int32), name="regions", opacity=0.5, **geometry(image)
        )
        layer.brush_size = max(2, min(image.shape) // 20)
        layer.mode = "paint"
        self._bind(layer)
        self.focus.set_labels_layer(layer)
        show_info("Paint a region with the brush; take another label number for the next one.")

    # Running.

    def start(self) -> None:
        """Start a run; image, labels and recipe are bound to it, whatever is chosen later."""
        image, layer, settings = self.image, self.focus.labels_layer, self.focus.settings
        if image is None or layer is None or settings is None or self.work:
            return
        try:
            recipe = settings.recipe()
        except (EDSError, OSError) as error:
            notify(error)
            return
        run_on_labels(self.focus, self.work, recipe)

    # Elements that are missing.

    def _on_add_missing(self) -> None:
        """Search the sum of the result's labels for elements."""
        layer, result = self.focus.map_layer, self.result
        if layer is not None and result is not None:
            self.work.run(
                "finding elements",
                partial(missing.search, result),
                partial(self._on_found, layer, result),
                replaces=False,
            )

    def _on_found(
        self, layer: Image, result: Quantification, proposals: tuple[Proposal, ...]
    ) -> None:
        """Choose what is certain, for the next run, if its map is still the chosen one."""
        settings = self.focus.settings
        if settings is None or self.focus.map_layer is not layer:
            show_info("Another map was chosen meanwhile: no elements were added.")
            return
        found = missing.outcome(settings.elements, proposals, result.preparation.unexplained)
        self.focus.set_settings(settings.edited(elements=found.elements))
        show_info(found.news)

    # Results.

    def _on_save(self) -> None:
        if self.result is not None:
            save_result(self, self.result, self.work)

    # A label of known composition.

    def _on_solve_thickness(self) -> None:
        """Solve the thickness and put it into its field, for the next run."""
        result, settings = self.result, self.focus.settings
        if result is None or settings is None:
            return
        label, formula = self.known_label.value, self.formula.value
        try:
            thickness_nm, news = known.thickness(result, label, formula, settings.draft)
        except (EDSError, OSError) as error:
            notify(error)
            return
        self.thickness.value = thickness_nm  # an edit like the user's own
        show_info(news)

    def _on_calibrate_k(self) -> None:
        """Save calibrated k-factors and choose them, for the next run."""
        result, settings = self.result, self.focus.settings
        if result is None or settings is None:
            return
        label, formula = self.known_label.value, self.formula.value
        try:
            table = known.k_factors(result, label, formula, settings.draft)
            chosen = ask_to_save(self, "Save the k-factors", named_after_map(result, "_k-factors"))
            if chosen is None:
                return
            path, asked = chosen
            overwrite = may_replace(self, [path], asked)
            if overwrite is None:
                return
            table.to_csv(path, overwrite=overwrite)
        except (EDSError, OSError) as error:
            notify(error)
            return
        self._use_k_factors(path)
        show_info(known.news_of(table, result, formula))

    def _use_k_factors(self, path: Path) -> None:
        settings = self.focus.settings
        if settings is not None:
            self.focus.set_settings(
                settings.edited(k_factor_file=path, convention=FROM_FILE, k_factors=None)
            )
