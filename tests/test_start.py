"""From nothing to a spec that runs: schemas, templates, what is here and what is missing."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args, get_type_hints

import pytest
import yaml
from click.testing import CliRunner
from jsonschema import Draft202012Validator

import lsm_deploy as ld
from lsm_deploy.cli.app import main
from lsm_deploy.core.errors import LsmWarning
from lsm_deploy.data.templates import TEMPLATES, examples_folder
from lsm_deploy.formats.nir_files import discretisation
from lsm_deploy.run import installation
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


# --- init ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def invoke(*words: str, status: int = 0) -> str:
    result = CliRunner().invoke(main, words)
    assert result.exit_code == status, result.output
    return result.output


def test_every_template_is_listed() -> None:
    listed = invoke("init")
    assert all(f"  {name} " in listed for name in (*TEMPLATES, "japanese_vowels", "explicit"))
    assert {file.stem for file in (examples_folder() / "templates").glob("*.yaml")} == set(TEMPLATES)


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_is_valid_and_loses_nothing(name: str, folder: Path) -> None:
    invoke("init", name, "-o", "first.yaml")
    first, *_ = text = (folder / "first.yaml").read_text().splitlines()
    assert first == "# yaml-language-server: $schema=spec.schema.json"
    assert any("first.yaml" in line for line in text)
    assert any("<--" in line for line in text)
    schema = json.loads((folder / "spec.schema.json").read_text())
    Draft202012Validator(schema).validate(yaml.safe_load((folder / "first.yaml").read_text()))
    assert not ld.compile_spec(ld.load("first.yaml")).cost.losses


@pytest.mark.deep(one_in=3)
@pytest.mark.once
@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_is_far_from_chance(name: str, folder: Path) -> None:
    invoke("init", name)
    spec = ld.load("liquid.yaml")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of a population that is silent or saturated
        ld.check_spec(spec)
    if name == "series":
        assert ld.evaluate_regression(spec, alone=True).liquids[0].liquid.nrmse < 0.01
        return
    assert ld.evaluate(spec, alone=True).liquid.accuracy > 0.8  # of four classes, or two


def test_nothing_that_is_there_is_overwritten(folder: Path) -> None:
    (folder / "liquid.yaml").write_text("mine")
    (folder / "gestures-test.csv").write_text("mine")
    refused = invoke("init", "frames", status=1)
    assert refused.count("a file of this name is there") == 2
    assert {file.name: file.read_text() for file in folder.iterdir()} == dict.fromkeys(
        ("liquid.yaml", "gestures-test.csv"), "mine"
    )
    invoke("init", "frames", "--force")
    written = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert b"mine" not in written.values()
    invoke("init", "frames")  # the same once more
    invoke("init", "integers", "-o", "other.yaml")  # whose data are the same
    assert written.items() <= {file.name: file.read_bytes() for file in folder.iterdir()}.items()


def test_an_example_brings_the_files_that_it_names(folder: Path) -> None:
    told = json.loads(invoke("init", "explicit", "--json"))
    names = {"liquid.yaml", "explicit_input.npz", "explicit_recurrent.npz", "spec.schema.json"}
    assert {*told["written"]} == {file.name for file in folder.iterdir()} == names
    example = ld.compile_spec(ld.load(examples_folder() / "explicit.yaml")).program
    assert ld.program_id(ld.compile_spec(ld.load("liquid.yaml")).program) == ld.program_id(example)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["frame"], "did you mean 'frames'"),
        (["frames", "-o", "liquid"], "call it liquid.yaml"),
        (["../bad/series"], "there is no template"),
        (["frames", "-o", "nowhere/liquid.yaml"], "the folder does not exist"),
    ],
)
def test_what_init_refuses(words: list[str], message: str, folder: Path) -> None:
    refused = CliRunner().invoke(main, ["init", *words])
    assert refused.exit_code in (1, 2)
    assert message in refused.output
    assert not [*folder.iterdir()]


# --- check without data ----------------------------------------------------------------------------------------------


def test_a_check_needs_no_data(folder: Path) -> None:
    invoke("init", "frames")
    (folder / "gestures-train.csv").unlink()
    run = CliRunner().invoke(main, ["check", "liquid.yaml"])
    assert run.exit_code == 0
    assert "liquid.yaml is valid" in run.stdout
    assert "the data cannot be read here, so that it is not known whether they fit" in run.stderr
    assert "gestures-train.csv: cannot read: No such file" in run.stderr
    text = (folder / "liquid.yaml").read_text()
    (folder / "liquid.yaml").write_text(text.replace("{kind: erdos_renyi, in_degree: 6}", "{kind: one_to_one}"))
    assert "one_to_one joins 30 sources to 300 neurons" in invoke("check", "liquid.yaml", status=1)
    (folder / "gestures-train.csv").write_text("sample,label,x\n0,circle,1\n")
    (folder / "liquid.yaml").write_text(text)
    assert "channel" in invoke("check", "liquid.yaml", status=1)  # data that are here must fit


def test_a_misspelt_key_has_no_echo_where_its_population_ends(folder: Path) -> None:
    invoke("init", "frames")
    text = (folder / "liquid.yaml").read_text()
    (folder / "liquid.yaml").write_text(text.replace("tau_mem_ms", "tau_mem"))
    assert invoke("check", "liquid.yaml", status=1).count("error: ") == 1


def test_a_check_downloads_nothing(folder: Path) -> None:
    invoke("init", "events")
    text = (folder / "liquid.yaml").read_text()
    named = "data: {dataset: tonic:NMNIST, root: nowhere}\nfront_end: {kind: events, bin_ms: 5.0}\n"
    before, _, after = text.partition("data:\n  train: movement-train.npz\n  test: movement-test.npz\n")
    (folder / "liquid.yaml").write_text(before + named + after)
    with pytest.warns(LsmWarning, match="nowhere: cannot read"):
        ld.check_spec("liquid.yaml")
    assert not (folder / "nowhere").exists()


# --- doctor ----------------------------------------------------------------------------------------------------------


def doctor(status: int) -> dict[str, dict[str, Any]]:
    told = json.loads(invoke("doctor", "--json", status=status))
    found = {each["name"]: each for each in told["findings"]}
    assert told["broken"] == [name for name, each in found.items() if each["state"] == "broken"]
    assert bool(told["broken"]) == bool(status)
    return found


def test_a_doctor_says_what_is_here_and_what_mends_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in installation.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", "")
    needs = ["numpy>=1", "nowhere-to-be-found>=1; extra == 'far'", "click>=8; extra == 'near'"]
    needs += ["click>=8; extra == 'half'", "nowhere-to-be-found; extra == 'half'"]
    monkeypatch.setattr(installation.metadata, "requires", lambda name: needs)
    monkeypatch.setattr(installation.metadata, "metadata", lambda name: Extras(("far", "near", "half", "empty")))
    found = doctor(0)
    assert found["emulator"]["state"] == found["fast"]["state"] == found["numpy"]["state"] == "here"
    assert (found["far"]["state"], found["far"]["mend"]) == ("missing", "pip install 'lsm-deploy[far]'")
    assert (found["half"]["state"], found["half"]["says"]) == ("missing", "not here: nowhere-to-be-found")
    assert found["near"]["says"].startswith("click 8")
    assert (found["gcc"]["state"], found["gcc"]["mend"]) == ("missing", "apt-get install gcc")
    assert re.fullmatch(r"[\d.]+ GB left", found["memory"]["says"])
    assert re.search(r" files of [\d.e-]+ GB (beside the package, )?in /", found["compiled code"]["says"])


class Extras(tuple[str, ...]):
    def get_all(self, name: str) -> tuple[str, ...]:
        return self


def test_what_was_installed_and_is_wrong_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    needs = ["numpy>=99", "gone>=1", "click>=99; extra == 'new'"]
    monkeypatch.setattr(installation.metadata, "requires", lambda name: needs)
    monkeypatch.setattr(installation.metadata, "metadata", lambda name: Extras(("new",)))
    monkeypatch.setenv("LSM_DEPLOY_LAVA_PYTHON", "nowhere")
    monkeypatch.setenv("LSM_DEPLOY_LAVA_PYTON", "secret")
    monkeypatch.setenv("LSM_DEPLOY_MAX_READ_GB", "2")
    monkeypatch.setenv("LOIHI_GEN", "N3B3")
    found = doctor(1)
    assert found["numpy"]["says"].endswith("is not >=99")
    assert found["numpy"]["mend"] == "pip install 'numpy>=99'"
    assert found["gone"]["says"] == "gone is not installed"
    assert found["new"]["state"] == found["lava"]["state"] == "broken"
    misspelt = found["LSM_DEPLOY_LAVA_PYTON"]
    assert misspelt["mend"] == "unset LSM_DEPLOY_LAVA_PYTON, or did you mean LSM_DEPLOY_LAVA_PYTHON?"
    assert "secret" not in json.dumps(found)
    assert found["LSM_DEPLOY_MAX_READ_GB"]["state"] == "here"
    assert found["LOIHI_GEN"]["says"].startswith("N3B3: says that there is a board")


def test_code_that_cannot_be_kept_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(function: object) -> None:
        raise RuntimeError("no locator available")

    monkeypatch.setattr("numba.core.caching.FunctionCache", nowhere)
    finding = next(each for each in ld.examine() if each.name == "compiled code")
    assert (finding.state, finding.mend) == ("broken", "set NUMBA_CACHE_DIR to a folder that you may write to")


def test_the_doctor_counts_machine_code_beside_what_numba_keeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the package cannot be written to, each has a folder among the user's own files, or both have one."""
    for name in ("numba/package.123/a.nbi", "numba/package.123/a.nbc", "ours/machine.nbo", "ours/machine.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    place = SimpleNamespace(cache_path=tmp_path / "numba" / "package.123")
    monkeypatch.setattr("numba.core.caching.FunctionCache", lambda _: place)
    monkeypatch.setattr(installation.native, "folder_of", lambda source: tmp_path / "ours")
    finding = next(each for each in ld.examine() if each.name == "compiled code")
    assert finding.says.startswith("3 files of ")
    assert finding.says.endswith(f" in {tmp_path}/numba and {tmp_path}/ours")


def test_the_doctor_knows_every_variable_that_is_read() -> None:
    root = Path(ld.__file__).parents[1]
    sources = [*root.glob("lsm_deploy/**/*.py"), *root.glob("backends/**/*.py"), root / "Makefile"]
    read = {
        name for file in sources for name in re.findall(r"(?<![_\w])(?:LSM_DEPLOY_\w+|LOIHI_GEN\b)", file.read_text())
    }
    assert read == set(installation.VARIABLES)
