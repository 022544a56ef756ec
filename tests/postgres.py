"""A PostgreSQL of the tests' own: Debian's package, a fresh cluster in a temporary folder, on loopback."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from ci.servers import free_port

_USER = "postgres"  # the package makes it: the database refuses to run as root
_PROGRAMS = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


def missing() -> str:
    """Say what is not here, and how to get it; empty where all is."""
    if _PROGRAMS is None or not (_PROGRAMS / "initdb").is_file():
        return "PostgreSQL is not here: apt-get install postgresql"
    if find_spec("psycopg") is None:
        return "PostgreSQL's driver is not here: pip install psycopg[binary]"
    return ""


@contextmanager
def running() -> Iterator[str]:
    """Run a fresh cluster; yield the address of an empty database."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, _USER)
        data, options = (
            str(folder / "data"),
            f"-p {port} -c listen_addresses=127.0.0.1 -c fsync=off -k {name}",
        )
        _run(
            "initdb", "--auth=trust", "--username=fracture", "--no-sync", "--encoding=UTF8", "--pgdata", data
        )
        _run("pg_ctl", "--pgdata", data, "--log", f"{name}/log", "--options", options, "--wait", "start")
        try:
            yield f"postgresql://fracture@127.0.0.1:{port}/postgres"
        finally:
            _run("pg_ctl", "--pgdata", data, "--mode", "immediate", "stop")


def _run(program: str, *arguments: str) -> None:
    as_user = {"user": _USER, "group": _USER, "extra_groups": ()} if os.geteuid() == 0 else {}
    # No pipe: the server would inherit it and hold it open. What went wrong stands in the folder's log.
    subprocess.run(
        [str(_PROGRAMS / program), *arguments],
        **as_user,
        check=True,
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
