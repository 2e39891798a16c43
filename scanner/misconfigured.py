"""The only place that says in words what is wrong with a setting, where it was set, and what was meant."""

import difflib
import typing

import pydantic
from pydantic import BaseModel

Key = tuple[str, ...]

Origin = dict[Key, str]
"""Where each key was set last: a file, a variable, or the command line."""

WORDS = {
    "tuple_type": "must be a list",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "byte_size": 'must be a number of bytes, or a text such as "8 MiB"',
}
"""What a person who writes TOML is told in place of what pydantic says."""


def explained(error: pydantic.ValidationError, origin: Origin, settings: type[BaseModel]) -> str:
    """Return a line for each problem: where it was set, its key, the reason, and the nearest known key."""
    lines = []
    for problem in error.errors(include_url=False, include_input=False):
        loc = problem["ctx"]["at"] if problem["type"] == "looser" else problem["loc"]
        if problem["type"] == "both":
            loc = (*loc, problem["ctx"]["field"])
        place = tuple(str(part) for part in loc)
        source = next(
            (origin[place[:n]] for n in range(len(place), 0, -1) if place[:n] in origin), "settings"
        )
        if problem["type"] == "extra_forbidden":
            words = f"unknown key{_nearest(place, known_keys(settings))}"
        else:
            words = WORDS.get(problem["type"], f"{problem['msg'][:1].lower()}{problem['msg'][1:]}")
        if place == ("targets",):
            words += "; write each target as a table [[targets]]"
        lines.append(f"{source}: {'.'.join(place)}: {words}")
    return "\n".join(lines)


def _nearest(place: Key, known: list[Key]) -> str:
    """Name the nearest known key: in the same section first, then anywhere."""
    *section, key = (part for part in place if not part.isdigit())
    inside = (*section[:1], *section[2:]) if section[:1] == ["lists"] else tuple(section)  # without the name
    siblings = [k for k in known if k[:-1] == inside]
    near = difflib.get_close_matches(key, [k[-1] for k in siblings], 1, 0.6)
    if near:
        return f"; did you mean {'.'.join((*section, near[0]))}?"
    near = difflib.get_close_matches(key, [k[-1] for k in known], 1, 0.75)
    if near:
        return f"; did you mean {'.'.join(next(k for k in known if k[-1] == near[0]))}?"
    return f"; known here: {', '.join(sorted(k[-1] for k in siblings))}" if siblings else ""


def known_keys(model: type[BaseModel], at: Key = ()) -> list[Key]:
    """Return every key of a section and of those within it, without the numbers and names of tables."""
    keys = []
    for name, info in model.model_fields.items():
        keys.append((*at, name))
        for inner in (info.annotation, *typing.get_args(info.annotation)):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                keys.extend(known_keys(inner, (*at, name)))
    return keys
