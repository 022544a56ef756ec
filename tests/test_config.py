from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline import addresses, config
from pipeline.config import params_file
from tests.imports import REPOSITORY


@pytest.fixture
def values() -> dict[str, Any]:
    return yaml.safe_load((REPOSITORY / "params.yaml").read_text(encoding="utf-8"))


def write(folder: Path, values: Any) -> Path:
    path = folder / "params.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


def test_the_repository_has_sound_settings() -> None:
    settings = config.read(REPOSITORY / "params.yaml")
    assert settings.paths.classifier == settings.paths.models / "classifier.keras"
    assert settings.paths.report("train") == settings.paths.reports / "train"


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("run.seed", -1, "greater than or equal to 0"),
        ("run.seed", 7.5, "valid integer"),
        ("run.device", "tpu", "'auto', 'cpu' or 'gpu'"),
        ("track.timeout_s", 0, "greater than 0"),
        ("track.uri", None, "valid string"),
        ("phantoms.fractured_share", 1.0, "less than 1"),
        ("validate.split", "random", "'regroup', 'keep' or 'kfold'"),
        ("preprocess.height_px", 400, "multiple of 32"),
        ("preprocess.height_px", 32, "greater than or equal to 64"),
        ("preprocess.fix_negatives", "perhaps", "valid boolean"),
        ("train.batch_size", "many", "valid integer"),
        ("train.learning_rate", float("nan"), "finite number"),
        ("train.learning_rate", float("inf"), "finite number"),
        ("train.dropout", 1, "less than 1"),
        ("train.pooling", "max", "'lse', 'pcam', 'attention' or 'mean'"),
        ("train.augment.contrast", 1.0, "less than 1"),
        ("evaluate.high_sensitivity", 0.4, "greater than 0.5"),
        ("region_maps.max_regions", [5], "valid integer"),
        ("serve.port", 65536, "less than 65536"),
        ("serve.rate_per_s", 0, "greater than 0"),
        ("region_maps", None, "valid dictionary"),
        ("promote.max_ece", 1.5, "less than or equal to 1"),
        ("promote.subgroups", "body_part", "valid tuple"),
        ("data.fracture_categories", "fracture", "valid tuple"),
    ],
)
@pytest.mark.reliability(29)
def test_a_wrong_value_is_refused_with_key_value_and_rule(
    values: dict[str, Any], tmp_path: Path, key: str, value: Any, allowed: str
) -> None:
    put(values, key, value)
    with pytest.raises(config.ConfigError) as refused:
        config.read(write(tmp_path, values))
    message = str(refused.value)
    assert f"{key}: " in message
    assert f"Received: {value!r}" in message
    assert allowed in message


def put(values: dict[str, Any], key: str, value: Any) -> None:
    *sections, last = key.split(".")
    for section in sections:
        values = values[section]
    values[last] = value


def test_an_address_becomes_the_folder_that_stands_for_it_and_is_written_as_an_address(
    values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DVC_ROOT", raising=False)
    put(values, "data.root", "s3://bucket/my radiographs")
    settings = config.read(write(tmp_path, values))
    assert settings.data.root.parent == Path(".fetched")
    assert addresses.of(settings.data.root / "train/a.png") == "s3://bucket/my radiographs/train/a.png"
    assert settings.model_dump(mode="json")["data"]["root"] == "s3://bucket/my radiographs"
    assert addresses.of(tmp_path) == ""


def test_experiments_in_a_temporary_folder_share_what_was_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (temporary := tmp_path / ".dvc/tmp/exps/one").mkdir(parents=True)
    monkeypatch.chdir(temporary)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    assert addresses.folder("s3://bucket").resolve().parent == tmp_path / ".fetched"


@pytest.mark.parametrize(
    ("address", "rule"),
    [
        ("s3://ada:Xq7@bucket/folder", "without user, password and port"),
        ("s3://ada:Xq/7@bucket/folder", "without user, password and port"),
        ("s3://Xq7@bucket", "without user, password and port"),
        ("s3://127.0.0.1:9000/bucket", "without user, password and port"),
        ("http://host/folder", "must be s3://bucket/folder or gs://bucket/folder"),
        ("s3://bucket/folder/", "without '/' at its end"),
        ("s3://bucket/../other", "'..'"),
        ("s3://bucket//folder", "'//'"),
        ("s3://", "s3://bucket/folder"),
        ("s3://bucket/folder?versionId=1", "'?'"),
        (f"s3://bucket/{'f' * 255}", "at most 255 bytes"),
    ],
)
@pytest.mark.reliability("keys within the address of a bucket", "refused; nothing of them is repeated")
def test_an_address_that_cannot_be_used_is_refused_without_its_secrets(
    values: dict[str, Any], tmp_path: Path, address: str, rule: str
) -> None:
    put(values, "data.root", address)
    with pytest.raises(config.ConfigError) as refused:
        config.read(write(tmp_path, values))
    assert rule in str(refused.value)
    assert "Xq" not in str(refused.value)


@pytest.mark.parametrize("key", ["data.annotations", "data.labels"])
def test_a_file_beside_the_radiographs_is_one_of_this_machine(
    values: dict[str, Any], tmp_path: Path, key: str
) -> None:
    put(values, key, "s3://bucket/table")
    with pytest.raises(config.ConfigError, match=rf"{key}: .*this machine.*dvc import-url"):
        config.read(write(tmp_path, values))


@pytest.mark.parametrize("path", ["../radiographs/annotations.coco.json", "/radiographs", "Data/../..", "."])
@pytest.mark.reliability(
    "a path of results that names the user's own file", "refused by `make repro` before DVC deletes it"
)
def test_a_result_lies_below_the_repository(values: dict[str, Any], tmp_path: Path, path: str) -> None:
    put(values, "paths.annotations", path)
    with pytest.raises(config.ConfigError, match=r"paths\.annotations: .*below the repository") as refused:
        config.read(write(tmp_path, values))
    assert f"Received: '{path}'" in str(refused.value)


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("data.annotations", "Data/annotations.coco.json"),
        ("data.labels", "Data/shards/labels.csv"),
        ("data.root", "Data/shards"),
        ("validate.pinned_manifest", "Data/manifest.csv"),
    ],
)
def test_what_is_the_users_is_no_result(values: dict[str, Any], tmp_path: Path, key: str, path: str) -> None:
    put(values, key, path)
    section, name = key.split(".")
    with pytest.raises(config.ConfigError, match=rf"{section}: .*{name} is a result.*{path}"):
        config.read(write(tmp_path, values))


@pytest.mark.parametrize("key", ["train.learning_rat", "trian", "train.augment.rotation"])
@pytest.mark.reliability(29)
def test_an_unknown_key_is_refused(values: dict[str, Any], tmp_path: Path, key: str) -> None:
    put(values, key, 0.5)
    with pytest.raises(config.ConfigError, match=rf"{key} is no setting\. Received: 0\.5"):
        config.read(write(tmp_path, values))


@pytest.mark.parametrize(("old", "new"), params_file.RENAMED.items())
def test_an_old_name_is_refused_with_the_new_one(
    values: dict[str, Any], tmp_path: Path, old: str, new: str
) -> None:
    section, name = new.split(".")
    put(values, old, values[section].pop(name))
    with pytest.raises(config.ConfigError) as refused:
        config.read(write(tmp_path, values))
    assert str(refused.value) == f"{tmp_path / 'params.yaml'}: {old} is now {new}: rename it."


@pytest.mark.parametrize("key", sorted(params_file.GONE))
def test_a_setting_that_is_gone_is_refused(values: dict[str, Any], tmp_path: Path, key: str) -> None:
    put(values, key, 2000)
    with pytest.raises(config.ConfigError, match=rf"{key} is a setting no more: delete it\.$"):
        config.read(write(tmp_path, values))


def test_a_section_that_is_new_may_be_missing_whole_where_its_old_name_is_there(
    values: dict[str, Any], tmp_path: Path
) -> None:
    put(values, "evaluate.views", values.pop("predict")["tta_views"])
    with pytest.raises(config.ConfigError, match=r"views is now predict\.tta_views: rename it\.$"):
        config.read(write(tmp_path, values))


@pytest.mark.parametrize("key", ["train", "run.seed", "train.augment.flip"])
def test_a_missing_key_is_refused(values: dict[str, Any], tmp_path: Path, key: str) -> None:
    *sections, last = key.split(".")
    section = values
    for part in sections:
        section = section[part]
    del section[last]
    with pytest.raises(config.ConfigError, match=f"{key} is missing"):
        config.read(write(tmp_path, values))


def test_every_fault_is_named_at_once(values: dict[str, Any], tmp_path: Path) -> None:
    put(values, "run.seed", -1)
    put(values, "train.batch_size", 1)
    with pytest.raises(config.ConfigError) as refused:
        config.read(write(tmp_path, values))
    assert len(str(refused.value).splitlines()) == 2


def test_sides_of_phantoms_out_of_order_are_refused(values: dict[str, Any], tmp_path: Path) -> None:
    values["phantoms"] |= {"min_side_px": 600, "max_side_px": 400}
    with pytest.raises(config.ConfigError, match=r"phantoms: .*min_side_px must not exceed max_side_px"):
        config.read(write(tmp_path, values))


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"train: [1, 2", "is not YAML"),
        (b"a: b: c", "is not YAML"),
        (b"train: \xff\xfe", "is not YAML"),
        (b"", "must hold sections of settings. Received: None"),
        (b"- 1", r"must hold sections of settings. Received: \[1\]"),
    ],
)
def test_what_is_no_yaml_mapping_is_refused(tmp_path: Path, content: bytes, rule: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(content)
    with pytest.raises(config.ConfigError, match=rule):
        config.read(path)


def test_a_missing_file_says_where_to_run(tmp_path: Path) -> None:
    with pytest.raises(config.ConfigError, match="not found: run from the repository's top folder"):
        config.read(tmp_path / "params.yaml")


def test_scientific_notation_is_a_number(values: dict[str, Any], tmp_path: Path) -> None:
    values["train"]["learning_rate"] = "1e-3"  # PyYAML reads an unquoted 1e-3 as this string
    assert config.read(write(tmp_path, values)).train.learning_rate == pytest.approx(0.001)


def test_a_trusted_host_is_compared_as_clients_name_it(values: dict[str, Any], tmp_path: Path) -> None:
    values["serve"]["trusted_hosts"] = ["Reader.Example.", "10.0.0.7", "[FD00::7]"]
    hosts = config.read(write(tmp_path, values)).serve.trusted_hosts
    assert hosts == ("reader.example", "10.0.0.7", "fd00::7")


@pytest.mark.parametrize("host", ["https://reader.example", "reader.example:8443", "*.example", "a/b", ""])
def test_a_trusted_host_that_no_client_can_name_is_refused(
    values: dict[str, Any], tmp_path: Path, host: str
) -> None:
    values["serve"]["trusted_hosts"] = [host]
    with pytest.raises(config.ConfigError, match=r"serve\.trusted_hosts.*a name or an address alone"):
        config.read(write(tmp_path, values))


def test_settings_are_frozen(params: config.Config) -> None:
    with pytest.raises(ValueError, match="frozen"):
        params.run.seed = 8


def test_maps_as_masks_ask_for_a_loss_that_learns_from_them(values: dict[str, Any], tmp_path: Path) -> None:
    values["train"] |= {"mask_source": "maps", "mask_loss_weight": 0.0, "erase_loss_weight": 0.0}
    with pytest.raises(config.ConfigError, match=r"train: .*nothing would learn from the maps"):
        config.read(write(tmp_path, values))
    values["train"]["erase_loss_weight"] = 0.5
    assert config.read(write(tmp_path, values)).train.mask_source == "maps"


def test_erasing_and_mixing_exclude_each_other(values: dict[str, Any], tmp_path: Path) -> None:
    values["train"]["erase_loss_weight"] = 0.5
    values["train"]["augment"]["mixup"] = 0.2
    with pytest.raises(config.ConfigError, match=r"train: .*exclude each other"):
        config.read(write(tmp_path, values))


@pytest.mark.reliability("a key that stands twice in params.yaml", "refused; names the key and both lines")
@pytest.mark.parametrize(
    ("text", "key", "lines"),
    [("run:\n  seed: 7\n  seed: 8\n", "run.seed", (2, 3)), ("run: 1\ndata: 2\nrun: 3\n", "run", (1, 3))],
)
def test_a_key_that_stands_twice_is_refused(text, key, lines, tmp_path):
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(config.ConfigError) as error:
        config.read(tmp_path / "params.yaml")
    assert f"{key} stands twice, in line {lines[0]} and in line {lines[1]}; delete one" in str(error.value)


@pytest.mark.reliability("params.yaml that is torn, no UTF-8 or no YAML", "one line that names the line")
@pytest.mark.parametrize(
    "text", [b"a: 1\n\tb: 2\n", b"a: 1\nb: c: d\n", b"a: 1\nb: \xff\n", b"a: 1\nb: *c\n"]
)
def test_a_line_that_is_no_yaml_is_named(text, tmp_path):
    (tmp_path / "params.yaml").write_bytes(text)
    with pytest.raises(config.ConfigError, match=r"params\.yaml, line 2: it is not YAML") as error:
        config.read(tmp_path / "params.yaml")
    assert "\n" not in str(error.value)


def test_an_alias_that_leads_back_ends(tmp_path):
    (tmp_path / "params.yaml").write_text("a: &a\n  b: *a\n")
    with pytest.raises(config.ConfigError, match="a is no setting"):
        config.read(tmp_path / "params.yaml")


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("run.seed", True, "a number is needed, not yes or no"),
        ("train.dropout", False, "a number is needed, not yes or no"),
        ("data.root", "$HOME/radiographs", r"DVC does not know what \$HOME stands for"),
        ("data.root", "${DATA}/radiographs", r"DVC does not know what \$\{DATA\} stands for"),
        ("data.labels", "%USERPROFILE%/labels.csv", "DVC does not know what %USERPROFILE% stands for"),
        ("data.root", " Data", "without blanks around it"),
        ("data.annotations", "", "a path is needed"),
    ],
)
@pytest.mark.reliability(
    "settings that YAML or a shell reads in another way", "refused with key, value and rule"
)
def test_what_yaml_or_a_shell_would_read_otherwise_is_refused(
    values: dict[str, Any], tmp_path: Path, key: str, value: Any, rule: str
) -> None:
    put(values, key, value)
    with pytest.raises(config.ConfigError, match=rf"{key}: .*{rule}"):
        config.read(write(tmp_path, values))
