from .chips import FewShotError, few_shot_grid, support_from_painting
from .classification import (
    ChipClasses,
    Classification,
    classify,
    read_chip_classes,
    read_classification,
)
from .export import export_few_shot, few_shot_map_size
from .folder import FewShotFormat, MapSize

__all__ = [
    "ChipClasses",
    "Classification",
    "FewShotError",
    "FewShotFormat",
    "MapSize",
    "classify",
    "export_few_shot",
    "few_shot_grid",
    "few_shot_map_size",
    "read_chip_classes",
    "read_classification",
    "support_from_painting",
]
