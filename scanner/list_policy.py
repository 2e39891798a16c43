"""The only place where it is defined what the entries of a list, or of one of its members, mean here."""

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

import pydantic
from pydantic import Field
from pydantic_core import PydanticCustomError

from scanner.errors import ConfigError
from scanner.section import Few, Hours, PdqBits, PhashBits, Section

Act = Literal["report", "review", "ignore"]
"""What a match on an entry leads to: an urgent finding, a finding, or none."""

ALL = "*"
"""Stands in settings for every classification that they do not name."""

AfterConfirmation = Literal["takedown_and_report", "takedown", "nothing"]

_OF_MATCH = "at most that of [match]"


class Acts(Section):
    """Which classifications act how; "" is that of entries without one."""

    illegal: tuple[str, ...] = Field((), description="classifications that act as report")
    review: tuple[str, ...] = Field((), description="classifications that ask for review, whatever is usual")
    ignore: tuple[str, ...] = Field((), description="classifications that never become findings")

    @pydantic.model_validator(mode="after")
    def _each_acts_in_one_way(self) -> Self:
        """Refuse a classification that would act in two ways."""
        for field, other in (("ignore", "illegal"), ("review", "illegal"), ("ignore", "review")):
            if both := sorted(set(getattr(self, field)) & set(getattr(self, other))):
                words = f"also among {other}: {', '.join(both)}; leave them out of one of the two"
                raise PydanticCustomError("both", "{words}", {"field": field, "words": words})
        return self

    def act(self, classification: str) -> Act | None:
        """Return how a classification acts by its name, or by that of all; None where neither is there."""
        acts: tuple[tuple[Act, tuple[str, ...]], ...] = (
            ("report", self.illegal),
            ("review", self.review),
            ("ignore", self.ignore),
        )
        for name in (classification, ALL):
            for act, names in acts:
                if name in names:
                    return act
        return None


class Sync(Section):
    """Where an exchange gives a list; credentials come from a file of their own, or from the environment."""

    exchange: Literal["ncmec", "stopncii"]
    url: str = Field(description="base address of the exchange, as its agreement names it")
    environment: str = Field(description="what the exchange calls this list, such as industry")
    credentials_file: Path | None = Field(None, description="user:password, or the two keys; mode 0600")

    @pydantic.field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        if not _is_address(url):
            raise PydanticCustomError("url", "{words}", {"words": ADDRESS})
        return url.rstrip("/")


ADDRESS = (
    "must be https://HOST/PATH (http only of 127.0.0.1 or localhost), without a user, password or query; "
    "credentials come from credentials_file or the environment"
)
"""What is said of another address; it is not repeated, for a password may be in it."""


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    here = parts.hostname in ("127.0.0.1", "localhost")
    plain = parts.scheme == "https" or (parts.scheme == "http" and here)
    return plain and bool(parts.hostname) and port != 0 and not set(url) & set("@?#\\ ") and url.isprintable()


class MemberPolicy(Acts):
    """What the entries of one member of a list mean; what is not set is as the list has it."""

    user_submitted: bool | None = None
    pdq_max_distance: PdqBits | None = Field(None, description=_OF_MATCH)
    phash_max_distance: PhashBits | None = Field(None, description=_OF_MATCH)
    dhash_max_distance: PhashBits | None = Field(None, description=_OF_MATCH)
    whash_max_distance: PhashBits | None = Field(None, description=_OF_MATCH)
    min_agreement: Few | None = None
    after_confirmation: AfterConfirmation | None = None


class ListPolicy(Acts):
    """What a list's entries mean here; applied when findings form, never stored in a table."""

    user_submitted: bool = False
    pdq_max_distance: PdqBits | None = Field(None, description=_OF_MATCH)
    phash_max_distance: PhashBits | None = Field(None, description=_OF_MATCH)
    dhash_max_distance: PhashBits | None = Field(None, description=_OF_MATCH)
    whash_max_distance: PhashBits | None = Field(None, description=_OF_MATCH)
    min_agreement: Few = Field(1, description="sources that have to agree before a match acts as report")
    after_confirmation: AfterConfirmation = "nothing"
    max_age_hours: Annotated[Hours, Field(gt=0)] | None = None
    retention_days: Annotated[float, Field(gt=0, le=36_500)] = Field(
        365.0, description="age in days beyond which an earlier snapshot loses its entries"
    )
    columns: dict[str, str] = Field({}, description="canonical column = column of the imported file")
    sync: Sync | None = Field(None, description="where `hashsweep lists sync` gets the list")
    members: dict[str, MemberPolicy] = Field({}, description="what a member's entries mean, by its id")

    def exchange(self, name: str) -> Sync:
        """Return where the list of this name comes from; raise ConfigError where nothing says it."""
        if self.sync is None:
            raise ConfigError(
                f"list {name}: the settings have no [lists.{name}.sync], which names its exchange"
            )
        return self.sync

    def act_of(self, member: str, scheme: str | None, classification: str | None) -> Act:
        """Return how an entry acts: as its member's settings say, else its list's, else as is usual."""
        name = classification or ""
        own = self.members.get(member)
        return (own and own.act(name)) or self.act(name) or usual_act(scheme, name)

    def distance(self, member: str, algorithm: str) -> int | None:
        """Return the distance in bits at which entries are matched at most; None where nothing is set."""
        key = f"{algorithm}_max_distance"
        own: int | None = getattr(self.members.get(member), key, None)
        return getattr(self, key, None) if own is None else own  # digests have none

    def agreement(self, member: str) -> int:
        """Return how many sources have to agree."""
        own = self.members.get(member)
        return self.min_agreement if own is None or own.min_agreement is None else own.min_agreement

    def submitted(self, member: str) -> bool:
        """Tell whether entries come from the persons concerned, unseen by anybody."""
        own = self.members.get(member)
        return self.user_submitted if own is None or own.user_submitted is None else own.user_submitted


_CATEGORIES: dict[str | None, str] = {"vics-us": "123", "vics-uk": "123"}
"""Categories of schemes whose other records show nothing illegal: comparison pictures, and by-catch.

VICS lists hold them so that nobody looks at them twice; matched, they would accuse.
"""


def usual_act(scheme: str | None, classification: str) -> Act:
    """Return how entries act that no setting names: review, unless nothing is illegal about them."""
    if scheme in _CATEGORIES:
        return "review" if classification in [*_CATEGORIES[scheme]] else "ignore"
    return "ignore" if scheme == "vics-custom" and classification in ("", "0") else "review"
