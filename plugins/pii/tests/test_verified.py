"""The classifier takes findings back by its threshold; its weights are pinned and can be made again."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest

from bigcode.api import Problem
from bigcode.testing.context import StageContext
from bigcode.testing.corpus import build_corpus, tables_of
from bigcode_pii import classifier
from bigcode_pii.classifier import BUCKETS, features, load_classifier
from bigcode_pii.config import GatedConfig, VerifiedConfig
from bigcode_pii.gated import Gated
from bigcode_pii.invented_secrets import draw_password
from bigcode_pii.verified import SURE, Verified

TRAIN = Path(__file__).parents[1] / "training" / "train.py"


def table() -> pa.Table:
    rng = Random(4)
    lines = [f'db_password = "{draw_password(rng)}"\n'.encode() for _ in range(30)]
    lines += [
        f"password: '{word}'\n".encode()
        for word in ("non-utf8", "col-md-6x", "v2.1.3-rc1", "html5lib", "i18n")
    ]
    return pa.table(
        {"blob": [f"{i:02d}" for i in range(len(lines))], "content": pa.array(lines, pa.binary())}
    )


def test_without_a_threshold_all_findings_stand() -> None:
    for given in (table(), tables_of()["blob"]):
        gated = Gated(GatedConfig()).run(given, StageContext())
        assert Verified(VerifiedConfig(threshold=0)).run(given, StageContext()).equals(gated)


def test_at_the_highest_threshold_only_sure_and_unjudged_findings_stand() -> None:
    given = pa.concat_tables([table(), tables_of()["blob"]])
    result = Verified(VerifiedConfig(threshold=1)).run(given, StageContext())
    left = [f for row in result["pii"].to_pylist() for f in row]
    assert left
    assert all(f["score"] >= SURE or f["entity"] not in ("KEY", "PASSWORD") for f in left)


def test_by_default_made_up_passwords_stand() -> None:
    result = Verified(VerifiedConfig()).run(table(), StageContext())
    stands = result["pii_password"].to_pylist()
    assert sum(stands[:30]) >= 27


def test_features_are_few_in_range_and_depend_on_value_and_context() -> None:
    content = b"x = 'Ab1!cd' # y\n" * 2
    indexes = features(content, 5, 11, "PASSWORD").tolist()
    assert indexes == sorted(set(indexes))
    assert 0 <= indexes[0] <= indexes[-1] < BUCKETS
    assert indexes != features(content, 5, 11, "KEY").tolist()
    assert indexes == features(b"z\n" + content, 7, 13, "PASSWORD").tolist()


def test_weights_are_read_only_as_pinned(tmp_path: Path) -> None:
    packaged = Path(classifier.__file__).parent / "weights" / "candidates.npz"
    assert sha256(packaged.read_bytes()).hexdigest() == classifier.PACKAGED_SHA256
    other = tmp_path / "w.npz"
    other.write_bytes(packaged.read_bytes() + b" ")
    with pytest.raises(Problem) as caught:
        load_classifier(str(other), classifier.PACKAGED_SHA256)
    assert "E702" in str(caught.value)
    with pytest.raises(Problem) as caught:
        load_classifier(str(tmp_path / "none"), classifier.PACKAGED_SHA256)
    assert "E109" in str(caught.value)


def test_training_makes_weights_that_the_stage_reads(tmp_path: Path) -> None:
    carriers = tmp_path / "carriers"
    carriers.mkdir()
    for number, text in enumerate(sorted({row["content"] for row in build_corpus()})):
        (carriers / f"{number}.txt").write_text(text, "utf-8")
    command = [
        sys.executable,
        str(TRAIN),
        str(carriers),
        "--output",
        str(tmp_path / "w.npz"),
        "--holdout",
        "0",
    ]
    package = str(TRAIN.parents[1])
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={"PYTHONPATH": package, "PATH": ""}
    )
    digest = sha256((tmp_path / "w.npz").read_bytes()).hexdigest()
    assert f"sha256 {digest}" in done.stdout
    stage = Verified(VerifiedConfig(weights=str(tmp_path / "w.npz"), sha256=digest))
    assert stage.run(table(), StageContext()).num_rows == 35
