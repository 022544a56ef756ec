"""What pyproject.toml cannot say: a wheel carries the settings' defaults and the released model."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

_TOP = Path(__file__).parent
_CARRIED = {"params.yaml": "params.yaml", "models/released": "released"}  # to where in the package


class BuildWithDefaults(build_py):
    """Copy them beside the modules; an editable install finds them in the repository."""

    def run(self) -> None:
        """Build the package."""
        super().run()
        if self.editable_mode:
            return
        for source, name in _CARRIED.items():
            target = Path(self.build_lib) / "pipeline" / name
            shutil.rmtree(target, ignore_errors=True)  # of an earlier build
            if (_TOP / source).is_dir():
                shutil.copytree(_TOP / source, target)
            elif (_TOP / source).is_file():
                shutil.copyfile(_TOP / source, target)


setup(cmdclass={"build_py": BuildWithDefaults})
