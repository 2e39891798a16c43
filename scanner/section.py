"""The only place for what all settings share: their bounds, and the refusal of what nobody meant."""

import typing
from pathlib import Path
from typing import Annotated, Any

import pydantic
from pydantic import AwareDatetime, BaseModel, ByteSize, ConfigDict, Field
from pydantic_core import PydanticCustomError

from scanner.misconfigured import WORDS

# The upper bounds are beyond any use, and below what arithmetic with times, waits and limits can bear.
Count = Annotated[int, Field(ge=1, le=10**12)]
Few = Annotated[int, Field(ge=1, le=1000)]
Bytes = Annotated[ByteSize, Field(le=1 << 60)]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Hours = Annotated[float, Field(ge=0, le=87_600, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
PdqBits = Annotated[int, Field(ge=0, le=64)]
PhashBits = Annotated[int, Field(ge=0, le=16)]


class Section(BaseModel):
    """Settings that refuse unknown keys and wrong types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)

    @pydantic.field_validator("*", mode="before")
    @classmethod
    def _meant(cls, value: Any, info: pydantic.ValidationInfo) -> Any:
        """Refuse what nobody meant although a number or a time could be made of it."""
        kinds = _kinds(cls.model_fields[str(info.field_name)].annotation)
        if AwareDatetime in kinds and _is_numeral(value):
            raise PydanticCustomError("time", "must be a time with a zone, such as 2026-01-31T00:00:00Z")
        if ByteSize in kinds and isinstance(value, bool):
            raise PydanticCustomError("byte_size", "{words}", {"words": WORDS["byte_size"]})
        if kinds & {int, float} and isinstance(value, bool | str):
            other = "a text" if isinstance(value, str) else "true or false"
            raise PydanticCustomError("number", "must be a number, not {other}", {"other": other})
        if Path in kinds and str(value) != str(value).encode(errors="replace").decode():
            raise PydanticCustomError(
                "utf8", "must be a name that is UTF-8; move or rename it, or link to it"
            )
        return value


def _kinds(annotation: Any) -> set[Any]:
    """Return what a setting may be, without its bounds and its being left out."""
    parts = typing.get_args(annotation)
    return {kind for part in parts for kind in _kinds(part)} if parts else {annotation}


def _is_numeral(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    except OverflowError:  # of an integer of hundreds of digits
        return True
    return True
