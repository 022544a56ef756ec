import pytest

from pipeline.files import outputs
from pipeline.report import training

FIGURES = {
    "kept_epoch": 2, "epochs": 2, "train_loss": 0.3, "val_loss": 0.4, "val_auroc": 0.875,
    "parameters": 1000, "parameters_trained": 250,
}  # fmt: skip
HISTORY = "epoch,train_loss,val_loss,val_auroc\n0,0.6,0.5,\n1,0.3,0.4,0.875\n"


@pytest.fixture
def config(params, tmp_path):
    return params.model_copy(update={"paths": params.paths.model_copy(update={"reports": tmp_path})})


def test_the_page_tells_the_kept_epoch_the_curves_and_the_settings(config, tmp_path):
    outputs.write_json(tmp_path / "train/metrics.json", FIGURES)
    outputs.write_text(tmp_path / "train/history.csv", HISTORY)
    page = training.documents(config)["report.html"]
    assert "AUROC of <strong>0.875</strong>" in page
    assert "250 of 1,000 parameters were trained (25.0" in page
    assert page.count("<svg") >= 2
    assert f"<dt>backbone</dt><dd>{config.train.backbone}</dd>" in page


def test_without_a_history_there_is_no_page(config, tmp_path):
    outputs.write_json(tmp_path / "train/metrics.json", FIGURES)
    with pytest.raises(FileNotFoundError, match=r"history\.csv"):
        training.documents(config)


def test_several_networks_are_told_apart(config, tmp_path):
    own = {"1": {"val_loss": 0.41, "val_auroc": 0.871}, "2": {"val_loss": 0.43, "val_auroc": 0.862}}
    outputs.write_json(tmp_path / "train/metrics.json", FIGURES | {"members": own})
    outputs.write_text(tmp_path / "train/history.csv", HISTORY)
    page = training.documents(config)["report.html"]
    assert "2 networks learnt" in page
    assert page.index("0.871") < page.index("0.862")
