"""What the manifest offers, where napari shows it: menus and the icon."""

from importlib.resources import files

import pytest
from napari._app_model import get_app_model
from napari._app_model.constants._menus import is_menu_contributable
from npe2 import PluginManifest
from qtpy.QtGui import QIcon

from napari_eds._napari.parts.panels import PLUGIN
from napari_eds._support.raw_files import SUFFIXES


@pytest.fixture
def manifest():
    return PluginManifest.from_distribution(PLUGIN)


def test_every_menu_is_one_that_napari_lets_plugins_add_to(manifest):
    assert manifest.contributions.menus
    assert all(is_menu_contributable(menu) for menu in manifest.contributions.menus)


def test_panels_are_in_the_menus_of_layers_and_files(make_napari_viewer, manifest):
    make_napari_viewer()
    menus = get_app_model().menus
    for menu, items in manifest.contributions.menus.items():
        shown = {item.command.id for item in menus.get_menu(menu) if hasattr(item, "command")}
        assert {item.command for item in items} <= shown


def test_every_panel_is_in_some_menu_beside_that_of_plugins(manifest):
    listed = {item.command for every in manifest.contributions.menus.values() for item in every}
    assert listed == {widget.command for widget in manifest.contributions.widgets}


def test_napari_offers_every_extension_that_is_read(manifest):
    (reader,) = manifest.contributions.readers
    assert {pattern.lower() for pattern in reader.filename_patterns} == {f"*{s}" for s in SUFFIXES}


def test_no_two_commands_have_one_title(manifest):
    titles = [command.title for command in manifest.contributions.commands]
    assert len(titles) == len(set(titles))


def test_the_icon_is_shipped_and_can_be_drawn(qtbot, manifest):
    package, _, name = manifest.icon.partition(":")
    picture = QIcon(str(files(package).joinpath(name))).pixmap(64, 64).toImage()
    assert picture.width() == 64
    colors = {picture.pixel(x, y) for x in range(64) for y in range(64)}
    assert len(colors) > 5
