"""Splits of imported radiographs: by group, in like shares of both classes, kept where published."""

from collections import Counter, defaultdict
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pipeline.importing import dealing
from pipeline.importing.record import Record

ROOT = Path("/data")
PATIENTS = st.lists(st.tuples(st.integers(0, 60), st.booleans()), min_size=1, max_size=150)


def records(rows, split=""):
    return [Record(ROOT / f"{n}.png", label, split, f"p{patient}") for n, (patient, label) in enumerate(rows)]


@given(PATIENTS)
def test_a_patient_lies_in_one_split_and_each_split_gets_its_share(rows):
    splits, how = dealing.splits(given_ := records(rows), ROOT)
    of_patient = defaultdict(set)
    for record, split in zip(given_, splits, strict=True):
        of_patient[record.patient].add(split)
    assert all(len(split) == 1 for split in of_patient.values())
    assert how == "made by patient: train 70%, val 15%, test 15%"
    for label in (True, False):
        patients = {record.patient for record in given_ if record.fractured is label}
        counts = Counter(next(iter(of_patient[patient])) for patient in patients)
        for split, share in dealing.SHARES.items():
            assert abs(counts[split] - share * len(patients)) <= 2


@given(PATIENTS, st.randoms(use_true_random=False))
def test_the_order_of_the_radiographs_does_not_matter(rows, random):
    given_ = records(rows)
    of_file = dict(zip([r.file for r in given_], dealing.splits(given_, ROOT)[0], strict=True))
    random.shuffle(given_)
    assert [of_file[record.file] for record in given_] == dealing.splits(given_, ROOT)[0]


def test_published_splits_stay_and_others_fill_up_in_like_shares():
    published = [
        Record(ROOT / f"{split}{n}.png", fractured=True, split=split)
        for split, count in (("train", 80), ("val", 10), ("test", 10))
        for n in range(count)
    ]
    others = [Record(ROOT / f"other{n}.png", fractured=False) for n in range(500)]
    splits, how = dealing.splits([*published, *others], ROOT)
    assert splits[:100] == [record.split for record in published]
    assert Counter(splits[100:]) == {"train": 400, "val": 50, "test": 50}
    assert "500 radiographs without a split in like shares, by file" in how


def test_a_split_that_lacks_comes_from_train_by_patient():
    train = records([(n // 2, n % 8 < 4) for n in range(200)], "train")
    val = [Record(ROOT / f"v{n}.png", n % 2 == 0, "val", f"v{n}") for n in range(20)]
    splits, how = dealing.splits([*train, *val], ROOT)
    assert splits[200:] == ["val"] * 20
    test = {record.patient for record, split in zip(train, splits, strict=False) if split == "test"}
    assert len(test) == 16
    assert not test & {
        record.patient for record, split in zip(train, splits, strict=False) if split == "train"
    }
    assert how == "as published, test taken from train by patient (15%)"


def test_one_published_split_is_none():
    splits, how = dealing.splits(records([(n, n % 2 == 0) for n in range(40)], "test"), ROOT)
    assert Counter(splits) == {"train": 28, "val": 6, "test": 6}
    assert how.startswith("made by patient")
