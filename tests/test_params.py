"""The params file: how sections are read, how mistakes are reported, which fields are keyed."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel, Field

from rjcma import start
from rjcma.params import SECTIONS, NotKeyed, Section, checked, keyed, load, said
from rjcma.problem import Problem


class Part(Section):
    kind: Literal["compact", "large"] = "compact"
    place: Annotated[str, NotKeyed] = "here"


class Windows(Section):
    frames: int = Field(300, ge=1)
    part: Part = Part()
    rates: tuple[float, ...] = (0.5,)
    few: tuple[str, ...] = Field(("one", "two"), min_length=2)
    named: str = Field("a", min_length=1)
    flag: bool = False
    device: Annotated[str | None, NotKeyed] = None
    renamed: ClassVar[dict[str, str]] = {"length": "windows.frames"}


class Small(Section):
    kind: Literal["small"]
    size: int = 3


class Large(Section):
    kind: Literal["large"]
    size: int = 7
    layers: int = 2
    part: Part = Part()


Net = Annotated[Small | Large, Field(discriminator="kind")]


class Nets(Section):
    one: Net
    several: tuple[Net, ...] = ()
    named: dict[str, tuple[Part, ...]] = {}
    other: Annotated[Small | Large, Field(discriminator="kind")] = Small(kind="small")


def params(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    return path


def problem(tmp_path, text, name="windows", schema=Windows):
    with pytest.raises(Problem) as caught:
        load(params(tmp_path, text), name, schema)
    line = str(caught.value)
    assert "\n" not in line and "params.yaml" in line
    return line


def test_a_section_is_read_with_its_defaults(tmp_path):
    assert load(params(tmp_path, "windows: {frames: 7}"), "windows", Windows).frames == 7
    assert load(params(tmp_path, "windows: {}"), "windows", Windows).part.kind == "compact"


def test_a_top_level_number_is_a_section_too(tmp_path):
    positive = Annotated[int, Field(ge=1)]
    assert load(params(tmp_path, "recursions: 4"), "recursions", positive) == 4
    line = problem(tmp_path, "recursions: 0", "recursions", positive)
    assert "recursions = 0" in line and "greater than or equal to 1" in line


def test_a_misspelt_key_is_named_with_the_keys_that_are_known(tmp_path):
    line = problem(tmp_path, "windows: {frame: 7}")
    assert "windows.frame = 7" in line and "one of the keys frames, part, rates" in line


def test_a_misspelt_key_inside_a_part_is_named_with_the_keys_of_that_part(tmp_path):
    line = problem(tmp_path, "windows: {part: {kin: large}}")
    assert "windows.part.kin" in line and "one of the keys kind, place;" in line


def test_a_misspelt_section_is_named_with_the_sections_that_are_known(tmp_path):
    line = problem(tmp_path, "window: {frames: 7}")
    assert "key window" in line and ", ".join(SECTIONS) in line


def test_an_impossible_value_is_named_with_what_is_allowed(tmp_path):
    assert "windows.frames = 0" in problem(tmp_path, "windows: {frames: 0}")
    assert "'compact' or 'large'" in problem(tmp_path, "windows: {part: {kind: huge}}")
    assert "windows.frames = 'many'" in problem(tmp_path, "windows: {frames: many}")


def test_a_missing_section_is_a_problem(tmp_path):
    assert "no section windows" in problem(tmp_path, "recursions: 3")


def test_a_file_that_is_not_yaml_or_not_a_mapping_is_a_problem(tmp_path):
    assert "expected YAML" in problem(tmp_path, "windows: {frames: 7")
    assert "sections by name" in problem(tmp_path, "- windows")
    assert "duplicate key" in problem(tmp_path, "windows: {frames: 7}\nwindows: {frames: 8}")


def test_a_missing_file_is_a_problem(tmp_path):
    with pytest.raises(Problem, match="no such file"):
        load(tmp_path / "none.yaml", "windows", Windows)


def test_a_section_cannot_be_changed(tmp_path):
    with pytest.raises(ValueError, match="frozen"):
        load(params(tmp_path, "windows: {}"), "windows", Windows).frames = 8


def test_a_file_that_changed_is_read_again(tmp_path):
    assert load(params(tmp_path, "windows: {frames: 7}"), "windows", Windows).frames == 7
    assert load(params(tmp_path, "windows: {frames: 11}"), "windows", Windows).frames == 11


# ------------------------------------------------------------- mistakes in terms of the YAML file


@pytest.mark.parametrize(
    ("text", "found", "expected"),
    [
        ("{frames: 1.5}", "windows.frames = 1.5", "a whole number"),
        ("{frames: many}", "windows.frames = 'many'", "a whole number"),
        ("{frames: [7]}", "windows.frames = [7]", "a whole number"),
        ("{frames: null}", "windows.frames = null", "a whole number"),
        ("{rates: 0.5}", "windows.rates = 0.5", "a list"),
        ("{rates: {a: 1}}", "windows.rates = {'a': 1}", "a list"),
        ("{rates: [0.5, high]}", "windows.rates.1 = 'high'", "a number"),
        ("{rates: [[]]}", "windows.rates.0 = []", "a number"),
        ("{few: [one]}", "windows.few = ['one']", "a list of at least 2"),
        ("{few: [one, 2]}", "windows.few.1 = 2", "text"),
        ("{named: 7}", "windows.named = 7", "text"),
        ("{named: ''}", "windows.named = ''", "text that is not empty"),
        ("{flag: maybe}", "windows.flag = 'maybe'", "true or false"),
        ("{flag: 7}", "windows.flag = 7", "true or false"),
        ("{flag: []}", "windows.flag = []", "true or false"),
        ("{device: 7}", "windows.device = 7", "text"),
        ("{part: large}", "windows.part = 'large'", "keys and values"),
        ("{part: [kind]}", "windows.part = ['kind']", "keys and values"),
        ("[frames]", "windows = ['frames']", "keys and values"),
        ("7", "windows = 7", "keys and values"),
        ("null", "windows = null", "keys and values"),
    ],
)
def test_a_wrong_type_is_reported_in_terms_of_yaml(tmp_path, text, found, expected):
    with pytest.raises(Problem) as caught:
        load(params(tmp_path, f"windows: {text}"), "windows", Windows)
    assert (caught.value.found, caught.value.expected) == (found, expected)
    assert caught.value.cure == f"correct {found.split(' = ')[0]}"


def test_a_key_that_is_not_text_is_unknown(tmp_path):
    assert "expected one of the keys frames, part" in problem(tmp_path, "windows: {7: 3}")


def test_the_message_for_a_renamed_key_gives_its_new_name(tmp_path):
    line = problem(tmp_path, "windows: {length: 7}")
    assert "found windows.length = 7; expected windows.frames, as it is called now;" in line


@pytest.mark.parametrize(
    ("text", "found", "expected"),
    [
        ("{kind: huge}", "windows.kind = 'huge'", "one of small, large"),
        ("{kind: 7}", "windows.kind = 7", "one of small, large"),
        ("{kind: null}", "windows.kind = null", "one of small, large"),
        ("{size: 3}", "windows.kind = no value", "one of small, large"),
        ("{}", "windows.kind = no value", "one of small, large"),
        ("small", "windows = 'small'", "keys and values"),
        ("{kind: small, layers: 3}", "windows.layers = 3", "one of the keys kind, size"),
        ("{kind: large, sise: 3}", "windows.sise = 3", "one of the keys kind, size, layers, part"),
        ("{kind: large, layers: x}", "windows.layers = 'x'", "a whole number"),
        (
            "{kind: large, part: {king: x}}",
            "windows.part.king = 'x'",
            "one of the keys kind, place",
        ),
        (
            "{kind: large, large: 3}",
            "windows.large = 3",
            "one of the keys kind, size, layers, part",
        ),
        ("{kind: small, large: 3}", "windows.large = 3", "one of the keys kind, size"),
    ],
)
def test_the_kind_chooses_the_class_of_a_union(tmp_path, text, found, expected):
    with pytest.raises(Problem) as caught:
        load(params(tmp_path, f"windows: {text}"), "windows", Net)
    assert (caught.value.found, caught.value.expected) == (found, expected)


@pytest.mark.parametrize(
    ("text", "found", "expected"),
    [
        ("{one: {kind: huge}}", "windows.one.kind = 'huge'", "one of small, large"),
        ("{one: {size: 3}}", "windows.one.kind = no value", "one of small, large"),
        ("{one: {kind: small, layers: 3}}", "windows.one.layers = 3", "one of the keys kind, size"),
        ("{one: {kind: small, small: 3}}", "windows.one.small = 3", "one of the keys kind, size"),
        (
            "{one: {kind: small}, other: {kind: x}}",
            "windows.other.kind = 'x'",
            "one of small, large",
        ),
        (
            "{one: {kind: small}, small: 3}",
            "windows.small = 3",
            "one of the keys one, several, named, other",
        ),
        (
            "{one: {kind: small}, several: [{kind: large}, {kind: small, small: 3}]}",
            "windows.several.1.small = 3",
            "one of the keys kind, size",
        ),
        (
            "{one: {kind: small}, several: [{kind: huge}]}",
            "windows.several.0.kind = 'huge'",
            "one of small, large",
        ),
        (
            "{one: {kind: small}, named: {a: [], b: [{king: large}]}}",
            "windows.named.b.0.king = 'large'",
            "one of the keys kind, place",
        ),
        ("{other: {kind: small}}", "windows.one = no value", "a value"),
    ],
)
def test_a_union_of_classes_may_be_inside_a_section(tmp_path, text, found, expected):
    with pytest.raises(Problem) as caught:
        load(params(tmp_path, f"windows: {text}"), "windows", Nets)
    assert (caught.value.found, caught.value.expected) == (found, expected)


# ------------------------------------------------------------------------- the real sections


def classes(kind: Any) -> list[type[BaseModel]]:
    """The classes of sections in a type: none, one, or all of a union."""
    if get_origin(kind) is Annotated:
        return classes(get_args(kind)[0])
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [kind]
    return [one for part in get_args(kind) for one in classes(part)]


def least(kind: type[BaseModel]) -> dict[str, Any]:
    """The values that a class of a section requires."""
    values: dict[str, Any] = {}
    for name, field in kind.model_fields.items():
        if field.is_required():
            within = classes(field.annotation)
            tag = get_args(field.annotation) if get_origin(field.annotation) is Literal else None
            plain = 1.0 if field.annotation is float else "x"
            many = [plain] if get_origin(field.annotation) is tuple else plain
            values[name] = least(within[0]) if within else tag[0] if tag else many
    return values


def changed(values: dict[str, Any], keys: tuple[str, ...], part: dict[str, Any]) -> dict[str, Any]:
    """The values, with the part at these keys replaced."""
    if not keys:
        return part
    return {**values, keys[0]: changed(values.get(keys[0], {}), keys[1:], part)}


BESIDE = {"lora": {"mode": "finetune"}}
"""By key, values beside it without which it is refused."""


def at(values: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return functools.reduce(lambda part, key: part.get(key, {}), keys, values)


def places() -> Iterator[tuple[str, tuple[str, ...], type[BaseModel], dict[str, Any]]]:
    """Every class of a section or of a part of it: the section's name, the keys of the part, the
    class, and values of the section that choose this class."""
    waiting: list[tuple[str, tuple[str, ...], type[BaseModel], dict[str, Any]]] = [
        (name, (), kind, least(kind)) for name in SECTIONS for kind in classes(start.CLASSES[name])
    ]
    for name, keys, kind, values in waiting:
        yield name, keys, kind, values
        for key, field in kind.model_fields.items():
            for within in classes(field.annotation):
                part = {**at(values, keys), **BESIDE.get(key, {}), key: least(within)}
                here = changed(values, keys, part)
                waiting.append((name, (*keys, key), within, here))


PLACES = list(places())
RENAMED = [
    (name, keys, kind, values, old)
    for name, keys, kind, values in PLACES
    for old in getattr(kind, "renamed", {})
]
FIELDS = [
    (name, keys, kind, values, field)
    for name, keys, kind, values in PLACES
    for field in kind.model_fields
]
PYDANTIC = re.compile(
    r"\b(input|valid|integer|boolean|strings?|dictionary|tuple|instance|parse|items?|none|field"
    r"|extra|tag|validation)\b(?!')",
    re.IGNORECASE,
)
"""Words that a user of a YAML file need not know; they may occur as values, in quotes."""
WRONG = [None, True, -1, 1.5, float("nan"), "", "x", [], [None], ["x", "x"], [[]], {}, {"x": 1}]


def case(one: tuple[Any, ...]) -> str:
    name, keys, kind, _, *rest = one
    return ".".join([name, *keys, kind.__name__, *rest])


def refusal(name: str, section: Any) -> Problem | None:
    """The problem with a section's value; None if there is none."""
    try:
        checked(start.CLASSES[name], section, name, "params.yaml")
    except Problem as found:
        return found
    return None


@pytest.mark.parametrize("place", PLACES, ids=case)
def test_the_message_for_an_unknown_key_of_any_section_gives_the_known_ones(place):
    name, keys, kind, values = place
    assert refusal(name, values) is None
    part = {**at(values, keys), "nonsense": 1}
    found = refusal(name, changed(values, keys, part))
    assert found is not None
    assert found.found == f"{'.'.join([name, *keys, 'nonsense'])} = 1"
    assert found.expected == f"one of the keys {', '.join(kind.model_fields)}"


@pytest.mark.parametrize("place", RENAMED, ids=case)
def test_the_message_for_every_renamed_key_gives_its_new_name(place):
    name, keys, kind, values, old = place
    part = {**at(values, keys), old: 1}
    found = refusal(name, changed(values, keys, part))
    assert found is not None
    assert found.found == f"{'.'.join([name, *keys, old])} = 1"
    assert found.expected == f"{kind.renamed[old]}, as it is called now"
    assert ",," not in found.expected
    new = re.findall(rf"\b{name}(?:\.\w+)+", found.expected)
    assert new and all(exists(kind, key.split(".")[1:]) for key in new)


def exists(kind: type[BaseModel], keys: Sequence[str]) -> bool:
    """Whether a class of a section has this key, possibly in a part of it."""
    if not keys:
        return True
    field = kind.model_fields.get(keys[0])
    within = classes(field.annotation) if field else []
    return field is not None and (len(keys) == 1 or any(exists(one, keys[1:]) for one in within))


def test_the_keys_of_earlier_versions_are_known():
    assert {old for *_, old in RENAMED} == {
        *("rate", "frame_rate", "min_rate", "factor", "max_gradient", "choose_by", "labels"),
        *("absence", "variant", "mode", "features", "encode"),
    }


@pytest.mark.parametrize("place", FIELDS, ids=case)
def test_no_message_for_any_section_uses_pydantics_words(place):
    name, keys, _, values, field = place
    refusals = []
    for wrong in WRONG:
        part = {**at(values, keys), field: wrong}
        found = refusal(name, changed(values, keys, part))
        if found is not None:
            refusals.append(found)
            assert found.found.startswith(".".join([name, *keys])) and " = " in found.found
            assert found.expected and not PYDANTIC.search(found.expected), found.expected
            assert "\n" not in str(found)
    assert refusals


# ------------------------------------------------------------------------- fields in keys


def test_fields_that_change_no_result_are_not_keyed():
    assert keyed(Part(place="there")) == {"kind": "compact"}
    part = Part(kind="large", place="there")
    found = keyed(Windows(frames=7, part=part, rates=(0.25,), device="cuda"))
    plain = {"rates": [0.25], "few": ["one", "two"], "named": "a", "flag": False}
    assert found == {"frames": 7, "part": {"kind": "large"}, **plain}


def test_classes_of_a_union_are_keyed_with_their_own_fields():
    nets = Nets(one=Large(kind="large", part=Part(place="there")))
    large = {"kind": "large", "size": 7, "layers": 2, "part": {"kind": "compact"}}
    small = {"kind": "small", "size": 3}
    assert keyed(nets) == {"one": large, "several": [], "named": {}, "other": small}


NOT_KEYED = {
    *("speech.model", "speech.device", "punctuation.model", "punctuation.device"),
    *("text.model", "text.device"),
    *("encoders.visual.weights", "encoders.audio.weights", "encoders.device", "encoders.batch"),
    "training.device",
}
"""All params that change no result, or name a model whose content is in keys."""


@pytest.mark.parametrize("place", [place for place in PLACES if not place[1]], ids=case)
def test_all_keys_of_the_real_sections_except_these_are_keyed(place):
    name, _, _, values = place
    section = checked(start.CLASSES[name], values, name, "params.yaml")
    whole, kept = flat(section.model_dump(mode="json"), name), flat(keyed(section), name)
    added = {f"{name}.{key}" for key in section.added} if hasattr(section, "added") else set()
    unset = {key for key in added if whole[key] == default(type(section), key.split(".")[1])}
    assert kept.keys() == whole.keys() - NOT_KEYED - unset
    assert all(whole[key] == value for key, value in kept.items())


def default(section: type, key: str) -> Any:
    """The default of a key as a plain value."""
    return section.model_fields[key].default


def test_a_key_that_was_added_later_is_in_keys_only_where_it_is_set():
    before = keyed(Grown(size=3))
    assert before == {"size": 3} == said(Grown(size=3, device="cuda"))
    assert keyed(Grown(size=3, colour="red")) == before
    assert keyed(Grown(size=3, colour="blue")) == {"size": 3, "colour": "blue"}
    assert said(Grown(colour="blue")) == {"size": 1, "colour": "blue"}


class Grown(Section):
    """A section to which a key was added."""

    size: int = 1
    colour: str = "red"
    device: Annotated[str, NotKeyed] = "auto"
    added: ClassVar[tuple[str, ...]] = ("colour",)


def flat(values: dict[str, Any], above: str) -> dict[str, Any]:
    """The values of sections within sections, by dotted key."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        within = isinstance(value, dict)
        found |= flat(value, f"{above}.{key}") if within else {f"{above}.{key}": value}
    return found
