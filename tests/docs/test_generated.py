"""What is made of the code: settings, commands, issues, modules, the navigation, and links out of docs/."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from markdown import markdown

from ci.documentation import api, commands, issues, navigation, settings
from ci.documentation.links import SourceLinks
from pipeline.config.params_file import load
from pipeline.files import faults
from tests.imports import PACKAGE, REPOSITORY


@pytest.fixture(scope="module")
def of_settings() -> str:
    return settings.page(REPOSITORY)


@pytest.fixture(scope="module")
def of_commands() -> str:
    return commands.page(REPOSITORY)


def row(page: str, section: str, key: str) -> list[str]:
    """Cells of the row of a key, without the key."""
    body = page.partition(f"# {section}\n")[2].partition("\n#")[0]
    (line,) = [line for line in body.splitlines() if line.startswith(f"| `{key}` |")]
    return [cell.strip() for cell in line.strip("|").split(" | ")][1:]


def test_every_key_of_params_yaml_has_a_row_with_a_meaning(of_settings: str) -> None:
    values = load(REPOSITORY / "params.yaml")
    keys = [(section, key) for section, content in values.items() for key in content if key != "augment"]
    keys += [("train.augment", key) for key in values["train"]["augment"]]
    assert [key for key in keys if not row(of_settings, *key)[0]] == []


@pytest.mark.parametrize(
    ("section", "key", "value", "allowed"),
    [
        ("run", "device", "`auto`", "`auto`, `cpu`, `gpu`"),
        ("train", "ema_decay", "`0.99`", "number from 0 below 1"),
        ("train", "learning_rate", "`0.0001`", "number above 0"),
        ("train.augment", "flip", "`true`", "`true` or `false`"),
        ("preprocess", "height_px", "`512`", "whole number from 64 to 2048, a multiple of 32"),
        ("promote", "subgroups", '`["body_part"]`', "list: text"),
        ("track", "uri", '`""`', "text"),
    ],
)
def test_a_setting_has_its_value_and_range(
    of_settings: str, section: str, key: str, value: str, allowed: str
) -> None:
    assert row(of_settings, section, key)[1:] == [value, allowed]


def test_a_setting_names_the_stages_that_run_again(of_settings: str) -> None:
    sections = dict(re.findall(r"^#+ (\S+)$(.*?)(?=^#|\Z)", of_settings, re.MULTILINE | re.DOTALL))
    assert "After a change DVC runs again: `train`, `report`.\n" in sections["train.augment"]
    assert "After a change DVC runs again: nothing.\n" in sections["promote"]
    assert "- `threads`, `device`: `train`, `evaluate`, `region_maps`\n" in sections["run"]
    assert "- all others: `train`, `report`\n" in sections["train"]
    assert "- `workers`, `engine`, `ray_address`: nothing\n" in sections["run"]
    assert "- `shards`, `models`: `preprocess`, `train`, `evaluate`, `region_maps`\n" in sections["paths"]


def test_a_changed_value_and_comment_change_the_page(tmp_path: Path) -> None:
    text = (REPOSITORY / "params.yaml").read_text(encoding="utf-8")
    changed = re.sub("dropout: 0.2.*", "dropout: 0.3 # share of a | b", text)
    (tmp_path / "params.yaml").write_text(changed, encoding="utf-8")
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": {}}), encoding="utf-8")
    assert "| `dropout` | share of a \\| b | `0.3` | number from 0 below 1 |" in settings.page(tmp_path)


def test_every_command_has_its_place_with_options_and_exit_codes(of_commands: str) -> None:
    heads = re.findall("^## fracture (\\S+)$", of_commands, re.MULTILINE)
    assert heads == re.findall("^\\| \\[`(\\S+)`\\]\\(#fracture-", of_commands, re.MULTILINE)
    assert {"predict", "train", "region-maps", "promote", "import"} <= set(heads)
    assert heads.index("predict") < heads.index("phantoms") == len(heads) - 7, "stages come last"
    assert "| 4 | refused by the gate |" in of_commands
    assert "* `--dry-run`: Decide and report; change nothing.\n" in of_commands
    assert "[OPTIONS]" in of_commands
    assert "--help" not in of_commands


def test_what_an_option_is_without_being_given_is_told(of_commands: str) -> None:
    defaults = ("validate.folds in params.yaml", "paths.models", "reports/assess/NAME", "sites/NAME")
    assert [default for default in defaults if f"[default: ({default})]" not in of_commands] == []


def test_every_issue_has_its_meaning() -> None:
    page = issues.page(REPOSITORY)
    assert all(f"| `{code}` | {faults.meaning(code)} |" in page for code in faults._SEVERITIES)


def test_every_module_stands_on_the_page_of_its_room() -> None:
    made = api.pages(PACKAGE)
    named = set(re.findall("^::: (\\S+)$", "\n".join(made.values()), re.MULTILINE))
    files = (file.relative_to(REPOSITORY).with_suffix("").parts for file in PACKAGE.rglob("*.py"))
    assert named == {".".join(parts) for parts in files if parts[-1] != "__init__"}
    assert "::: pipeline.validate.copies.groups" in made["reference/api/validate.md"]


def test_a_wildcard_takes_what_nobody_names_and_empty_parts_go() -> None:
    nav = [{"A": ["index.md", "a/two.md", "a/*"]}, {"B": ["b/*"]}, {"C": ["*", {"D": ["d/*"]}]}]
    pages = ["index.md", "a/one.md", "a/two.md", "a/x/deep.md", "top.md", "d/1.md", "d/index.md"]
    expected = [
        {"A": ["index.md", "a/two.md", "a/one.md"]},
        {"C": ["top.md", {"D": ["d/index.md", "d/1.md"]}]},
    ]
    assert navigation.expanded(nav, pages) == expected


@pytest.mark.parametrize(
    ("link", "source", "shown"),
    [
        ("[settings](../../params.yaml)", "", "<span>settings (<code>params.yaml</code>)</span>"),
        ("[`params.yaml`](../../params.yaml)", "", "<span><code>params.yaml</code></span>"),
        (
            "[x](../../params.yaml)",
            "https://forge.example/blob/",
            'href="https://forge.example/blob/params.yaml"',
        ),
        ("[x](../results.md)", "https://forge.example", 'href="../results.md"'),
        ("[x](https://example.org/a)", "", 'href="https://example.org/a"'),
        ("`[x](../../params.yaml)`", "", "<code>[x](../../params.yaml)</code>"),
    ],
)
def test_a_link_out_of_docs_leads_to_the_source_or_is_text(link: str, source: str, shown: str) -> None:
    links = SourceLinks(REPOSITORY, source)
    links.page = "reference/settings.md"
    assert shown in markdown(link, extensions=[links])


def test_a_link_to_no_file_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    markdown("[x](../no_such_file.yaml)", extensions=[SourceLinks(REPOSITORY, "")])
    assert "no_such_file.yaml, which is no file of the repository" in caplog.text
