"""What a setting may be: kinds that several sections share, and what all sections are."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    field_validator,
)

from pipeline import addresses

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Port = Annotated[int, Field(ge=0, lt=2**16)]  # 0: a free one
SidePx = Annotated[int, Field(ge=64, le=2048, multiple_of=32)]
Word = Annotated[str, Field(min_length=1)]


_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f]*:[0-9a-f]*:[0-9a-f:.]*")
_VARIABLE = re.compile(r"\$\{?[A-Za-z_]\w*\}?|%[A-Za-z_]\w*%")


def _here(value: Any) -> Any:
    """Take the folder that stands for an address; all else as it is."""
    return addresses.folder(value) if isinstance(value, str) and addresses.is_address(value) else value


def _whole(value: Any) -> Any:
    """Refuse the short form of one's home, which shells know and DVC does not."""
    if isinstance(value, str) and value.startswith("~"):
        whole = os.path.expanduser(value)  # noqa: PTH111 - that of pathlib fails where nobody has this name
        raise ValueError(f"a path in full is needed, such as {whole}; DVC does not know what ~ stands for")
    if isinstance(value, str) and (variable := _VARIABLE.search(value)):
        raise ValueError(f"a path in full is needed; DVC does not know what {variable[0]} stands for")
    if isinstance(value, str) and (not value or value != value.strip()):
        raise ValueError("a path is needed, without blanks around it")
    return value


def _no_address(value: Any) -> Any:
    if isinstance(value, str) and addresses.is_address(value):
        raise ValueError("a file of this machine is needed; `dvc import-url` fetches one from an address")
    return value


def _below(value: Path) -> Path:
    if value.is_absolute() or ".." in value.parts or value == Path():
        raise ValueError("a path below the repository is needed: DVC deletes what lies there before a stage")
    return value


def _host(value: Any) -> Any:
    """Write a host as clients' requests are compared with it; refuse what no such name can be."""
    if not isinstance(value, str):
        return value
    name = value.lower().strip("[]").removesuffix(".")
    if not _HOST.fullmatch(name):
        raise ValueError(
            "a name or an address alone is needed, such as reader.example: no http://, port or *"
        )
    return name


Host = Annotated[str, BeforeValidator(_host)]
Folder = Annotated[Path, BeforeValidator(_whole)]
# A folder, or the one that stands for an address: what is written of it is the address.
Radiographs = Annotated[Folder, BeforeValidator(_here), PlainSerializer(addresses.shown, when_used="json")]
LocalFile = Annotated[Path, BeforeValidator(_whole), BeforeValidator(_no_address)]
Result = Annotated[Path, AfterValidator(_below)]  # whose name the user's own data may bear, too


class Section(BaseModel):
    """A frozen group of settings that refuses unknown keys and lossy conversions."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _yes_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse yes and no, on and off, where a number is asked for: they would count as 1 and 0."""
        kind = cls.model_fields[info.field_name or ""].annotation
        if isinstance(value, bool) and kind in (int, float):
            raise ValueError("a number is needed, not yes or no, on or off")
        return value
