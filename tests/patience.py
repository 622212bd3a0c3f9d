"""One timeout for all tests that wait."""

from pytestqt.qtbot import QtBot

#: Longest time for what must happen. Waiting ends as soon as it has; only a failure takes long.
PATIENCE_s = 120
PATIENCE_ms = 1000 * PATIENCE_s


class PatientBot(QtBot):
    """Waits as long as a busy machine may take."""

    def waitUntil(self, callback, *, timeout=PATIENCE_ms):
        super().waitUntil(callback, timeout=timeout)

    def waitSignal(self, signal, *, timeout=PATIENCE_ms, **options):
        return super().waitSignal(signal, timeout=timeout, **options)
