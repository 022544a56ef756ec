"""An audit in a job: a hole stops it, a silent network does not."""

import sys

import pytest

from ci import audit

HOLE = "Found 2 known vulnerabilities in 1 package"
SILENT = "ERROR:pip_audit._cli:a: Dependency not found on PyPI and could not be audited: a (1)"


@pytest.mark.reliability("CI without a way to advisories, and with a known hole", "told and passed; failed")
@pytest.mark.parametrize(
    ("said", "ended", "code"),
    [("No known vulnerabilities found", 0, 0), (HOLE, 1, 1), (SILENT, 1, 0), ("", 2, 0)],
)
def test_a_hole_fails_and_a_silent_network_is_told(monkeypatch, capfd, said, ended, code):
    run = f"import sys; print({said!r}, file=sys.stderr); sys.exit({ended})"
    monkeypatch.setattr(audit, "COMMAND", (sys.executable, "-c", run))
    assert audit.main() == code
    printed = capfd.readouterr().out
    assert said in printed
    assert ("Not audited" in printed) == (ended != code)
