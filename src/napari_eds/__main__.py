"""``python -m napari_eds`` and the command ``napari-eds``."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line, whose import may be interrupted, too."""
    try:
        from napari_eds.cli.main import main as run

        return run()
    except KeyboardInterrupt:
        sys.stderr.write("napari-eds: interrupted\n")
        return 130


if __name__ == "__main__":
    sys.exit(main())
