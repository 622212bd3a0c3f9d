"""Times runs for `speed`, of whichever version is on the path: ``timed_runs.py DATA NAME``.

Writes where the package was imported from, then for each line it reads the seconds
of one run, on the clock and of the processor.
It uses nothing that an earlier version lacks.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import napari_eds as eds

CHIP = 15


def main() -> None:
    print(eds.__file__, flush=True)
    data, name = Path(sys.argv[1]), sys.argv[2]
    image = eds.load(data / f"simulated/{name}.emd")
    chips = eds.grid_chips(image.shape, CHIP)
    recipe = eds.Recipe(
        elements=("La", "Fe", "O", "Sr", "Ti", "Pt"),
        fit_only=("C", "Cu", "Ga"),
        k_factors=eds.read_k_factors(data / "simulated/kfactors_family_sum_windowless.csv"),
    )
    for _ in sys.stdin:
        clock, processor = time.perf_counter(), time.process_time()
        eds.quantify(image, chips, recipe)
        print(time.perf_counter() - clock, time.process_time() - processor, flush=True)


if __name__ == "__main__":
    main()
