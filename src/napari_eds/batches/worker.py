"""A process that quantifies files, one after the other, as it is told on its standard input.

Started by `local`; it imports what it needs once, and ends when its input ends.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import asdict


def main() -> None:
    """Answer tasks, a line of JSON each, with entries, a line of JSON each."""
    # Ctrl-C in a terminal reaches all its processes: who started this one decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What libraries print must not be taken for an answer.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    from napari_eds.batches.task import Task, run_task

    for line in sys.stdin:
        print(json.dumps(asdict(run_task(Task(**json.loads(line))))), file=answers, flush=True)
