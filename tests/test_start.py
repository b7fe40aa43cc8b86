"""From nothing to a spec that runs: schemas, templates, what is here and what is missing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import yaml
from click.testing import CliRunner
from jsonschema import Draft202012Validator

import lsm_deploy as ld
from lsm_deploy.cli.app import main
from lsm_deploy.formats.nir_files import discretisation
from lsm_deploy.report.manual import examples_folder
from lsm_deploy.spec.json_schema import EXAMPLES
from lsm_deploy.spec.schema import FromFile

SCHEMA = ld.json_schema()
VALID = Draft202012Validator(SCHEMA)
BAD = Path(__file__).parent / "bad"
BEYOND = {"duplicate_key", "not_yaml"}
"""What is wrong before there are values."""
BETWEEN = {"front_end_channels", "readout_groups", "readout_keep", "readout_without_encoder", "timing"}
"""Sections that contradict each other, each of them valid."""


def sections() -> Iterator[tuple[str, dict[str, Any]]]:
    yield "Spec", SCHEMA
    yield from SCHEMA["$defs"].items()


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    printed = CliRunner().invoke(main, ["schema"])
    assert json.loads(printed.output) == SCHEMA
    with pytest.raises(ld.LsmError, match="no schema of 'spek'"):
        ld.json_schema("spek")


@pytest.mark.parametrize("file", sorted(examples_folder().glob("*.yaml")), ids=lambda file: file.stem)
def test_every_config_is_valid(file: Path) -> None:
    assert [each.message for each in VALID.iter_errors(yaml.safe_load(file.read_text()))] == []


@pytest.mark.parametrize("file", sorted(BAD.glob("*.yaml")), ids=lambda file: file.stem)
def test_a_mistake_within_a_section_is_refused(file: Path) -> None:
    if file.stem not in BEYOND:
        assert VALID.is_valid(yaml.safe_load(file.read_text())) == (file.stem in BETWEEN)


@pytest.mark.parametrize(("name", "section"), list(sections()), ids=lambda each: each if isinstance(each, str) else "")
def test_every_field_says_what_it_is_and_shows_one(name: str, section: dict[str, Any]) -> None:
    for key, field in section["properties"].items():
        if key in ("kind", "distribution"):
            continue
        assert len(field["description"]) >= 8, key
        assert key.rpartition("_")[2] not in ("ms", "hz", "db") or field["description"].startswith("In "), key
        (example,) = field["examples"]
        errors = Draft202012Validator({**field, "$defs": SCHEMA["$defs"]}).iter_errors(example)
        assert [each.message for each in errors] == [], f"give {name}.{key} an example in spec/json_schema.py"


def test_every_example_is_of_a_field() -> None:
    keys = {each for name, section in sections() for key in section["properties"] for each in (key, f"{name}.{key}")}
    assert set(EXAMPLES) <= keys


def test_what_a_graph_does_not_say_is_chosen_from_what_the_reader_knows() -> None:
    hints = get_type_hints(FromFile)
    known = {
        "source": discretisation.SOURCES, "scheme": discretisation.SCHEMES, "reset": discretisation.RESETS,
        "if_input": discretisation.IF_INPUTS,
    }  # fmt: skip
    for name, choices in known.items():
        assert get_args(get_args(hints[name])[0]) == tuple(choices)
