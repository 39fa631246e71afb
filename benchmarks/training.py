"""Speed of training beside Hugging Face's Trainer: steps on full rows, useful tokens of real documents, and what a
checkpoint and a resume cost.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/training.py [steps] [documents] [checkpoint] [--quick]

The arms take turns, one step each, in one process. A figure is the median of its steps; a run whose arms spread by
more than 15 % (from the lower to the upper decile of their steps) is thrown away and made again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
HERE = Path(__file__).parent
PEER = HERE.parent / ".cache" / "benchmarks" / "training-peer"
SPREAD, TRIES = 0.15, 4
CONTEXT, BATCH, VOCABULARY = 512, 4, 8192
ARCHITECTURE = {
    "model_type": "gpt_bigcode",
    "n_layer": 7,
    "n_embd": 320,
    "n_head": 5,
    "n_positions": CONTEXT,
    "vocab_size": VOCABULARY,
}


def bring_peer() -> None:
    """Make `accelerate`, which the peer needs, importable; it is installed beside the environment once."""
    if not (PEER / "accelerate").exists():
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(PEER)]
        subprocess.run([*pip, "-r", str(HERE / "peers/requirements/training.txt")], check=True)
    sys.path.append(str(PEER))


def take_turns(arms: dict[str, Any], steps: int) -> dict[str, list[tuple[float, int]]]:
    """Seconds and tokens of each step by arm, without the first two, which warm up."""
    taken: dict[str, list[tuple[float, int]]] = {name: [] for name in arms}
    for _ in range(steps + 2):
        for name, arm in arms.items():
            started = time.perf_counter()
            tokens = arm.step()
            taken[name].append((time.perf_counter() - started, tokens))
    return {name: found[2:] for name, found in taken.items()}


def spread_of(seconds: Sequence[float]) -> float:
    """From the lower to the upper decile, as a part of the median."""
    deciles = statistics.quantiles(seconds, n=10)
    return (deciles[-1] - deciles[0]) / statistics.median(seconds)


def measure_steps(steps: int) -> dict[str, Any]:
    """Full rows of random tokens, fp32 and bf16."""
    import torch
    from training_arms import Ours, Theirs, make_model

    generator = torch.Generator().manual_seed(0)
    rows = [torch.randint(1, VOCABULARY, (BATCH, CONTEXT + 1), generator=generator) for _ in range(steps + 2)]
    batches = [{"input_ids": r[:, :-1].contiguous(), "labels": r[:, :-1].contiguous()} for r in rows]
    for attempt in range(TRIES):
        arms: dict[str, Any] = {}
        for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
            model = make_model(ARCHITECTURE, CONTEXT)
            arms[f"ours {name}"] = Ours(model, dtype, iter(rows), apart=False)
            arms[f"Trainer {name}"] = Theirs(
                make_model(ARCHITECTURE, CONTEXT), name == "bf16", batches, lambda b: b["input_ids"].numel()
            )
        taken = take_turns(arms, steps)
        for arm in arms.values():
            arm.close()
        told = _summary(taken)
        worst = max(arm["spread"] for arm in told.values())
        print(f"steps, attempt {attempt + 1}: spread {worst:.0%}", json.dumps(told), flush=True)
        if worst <= SPREAD:
            break
    for name in ("fp32", "bf16"):
        rate = told[f"ours {name}"]["tokens_s"] / told[f"Trainer {name}"]["tokens_s"]
        told[f"ratio {name}"] = round(rate, 3)
    return {**told, "kept": worst <= SPREAD}


def _summary(taken: dict[str, list[tuple[float, int]]]) -> dict[str, Any]:
    found = {}
    for name, steps in taken.items():
        seconds = [s for s, _ in steps]
        rate = statistics.median(tokens / s for s, tokens in steps)
        found[name] = {
            "median_s": round(statistics.median(seconds), 4),
            "spread": round(spread_of(seconds), 3),
            "tokens_s": round(rate, 1),
        }
    return found


def read_documents(limit: int) -> tuple[list[list[int]], list[list[int]]]:
    """Modules of the standard library as ids of a tokenizer trained on them, shuffled: to learn from, and held out."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    paths = sorted(Path(sysconfig.get_path("stdlib")).glob("**/*.py"))
    texts = [p.read_text(encoding="utf-8", errors="ignore") for p in paths if "site-packages" not in p.parts]
    random.Random(0).shuffle(texts)
    texts = [text for text in texts if text][:limit]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=["<|endoftext|>"], show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    ids = [encoded.ids for encoded in tokenizer.encode_batch(texts)]
    held = len(ids) // 10
    return ids[held:], ids[:held]


def measure_documents(useful: int) -> dict[str, Any]:
    """Real documents in bf16 where the machine has it: useful tokens a second, and the loss on held-out documents
    after as many useful tokens."""
    import torch
    from training_arms import END, Ours, Theirs, make_model

    from bigcode_train.training.ranks import choose_precision

    documents, held = read_documents(1500)
    dtype = choose_precision("auto", torch.device("cpu"))
    stream = [token for document in documents for token in (END, *document)]
    width = BATCH * CONTEXT
    cut = [torch.tensor(stream[i : i + CONTEXT + 1]) for i in range(0, len(stream) - CONTEXT, CONTEXT)]
    # As each of the trainers would: rows of a long document do not share a batch.
    random.Random(1).shuffle(cut)
    rows = [torch.stack(cut[i : i + BATCH]) for i in range(0, len(cut) - BATCH, BATCH)]
    joined = [{"input_ids": r[:, :-1].contiguous(), "labels": r[:, :-1].contiguous()} for r in rows]
    padded = list(_pad_batches(documents))
    count = max(4, useful // width)
    arms: dict[str, Any] = {
        "ours, packed": Ours(make_model(ARCHITECTURE, CONTEXT), dtype, iter(rows), apart=True),
        "Trainer, concatenated": Theirs(
            make_model(ARCHITECTURE, CONTEXT), dtype == torch.bfloat16, joined, lambda b: b["labels"].numel()
        ),
        "Trainer, padded": Theirs(
            make_model(ARCHITECTURE, CONTEXT),
            dtype == torch.bfloat16,
            padded,
            lambda b: int((b["labels"] >= 0).sum()),
        ),
    }
    taken: dict[str, list[tuple[float, int]]] = {name: [] for name in arms}
    seen = dict.fromkeys(arms, 0)
    while min(seen.values()) < count * width:
        for name, arm in arms.items():
            if seen[name] < count * width:
                started = time.perf_counter()
                tokens = arm.step()
                taken[name].append((time.perf_counter() - started, tokens))
                seen[name] += tokens
    told = {}
    for name, arm in arms.items():
        arm.close()
        steps = taken[name][2:]
        rate = sum(tokens for _, tokens in steps) / sum(seconds for seconds, _ in steps)
        told[name] = {"useful_tokens_s": round(rate, 1), "held_out_loss": round(_loss(arm.model, held), 4)}
    print("documents", json.dumps(told), flush=True)
    return told


def _pad_batches(documents: Sequence[Sequence[int]]) -> Iterator[dict[str, Any]]:
    """Documents cut to the context and padded to the longest of a batch, as the collator for language models does.

    A batch has as many pieces as hold the tokens of a full one on average, so that arms take steps of equal size.
    """
    import torch

    pieces = [document[i : i + CONTEXT] for document in documents for i in range(0, len(document), CONTEXT)]
    random.Random(1).shuffle(pieces)
    many = round(BATCH * CONTEXT / statistics.mean(len(piece) for piece in pieces))
    for first in range(0, len(pieces) - many, many):
        batch = [torch.tensor(piece) for piece in pieces[first : first + many]]
        longest = max(len(piece) for piece in batch)
        ids = torch.zeros(many, longest, dtype=torch.int64)
        labels, mask = torch.full_like(ids, -100), torch.zeros_like(ids)
        for i, piece in enumerate(batch):
            ids[i, : len(piece)] = labels[i, : len(piece)] = piece
            mask[i, : len(piece)] = 1
        yield {"input_ids": ids, "labels": labels, "attention_mask": mask}


def _loss(model: Any, held: Sequence[Sequence[int]]) -> float:
    """Nats a token of held-out documents, each by itself and from its start."""
    import torch

    model.eval()
    model.set_attn_implementation("sdpa")
    total, count = 0.0, 0
    with torch.no_grad():
        for document in held[:60]:
            ids = torch.tensor([[0, *document][:CONTEXT]])
            logits = model(ids, use_cache=False).logits[0, :-1].float()
            total += torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum").item()
            count += ids.shape[1] - 1
    return total / count


def measure_checkpoint(steps: int) -> dict[str, Any]:
    """What a step that begins a checkpoint costs more than one that does not, over the default of fifty steps, and
    how long a checkpoint takes to find and read."""
    import torch
    from training_arms import Ours, make_model

    from bigcode_train.training.checkpoint import Checkpoints, find_checkpoint, read_tensors

    generator = torch.Generator().manual_seed(0)
    rows = iter(lambda: torch.randint(1, VOCABULARY, (BATCH, CONTEXT + 1), generator=generator), None)
    arm = Ours(make_model(ARCHITECTURE, CONTEXT), torch.bfloat16, rows, apart=False)
    plain, during = [], []
    with tempfile.TemporaryDirectory() as folder:
        checkpoints = Checkpoints(Path(folder), "benchmark", 2, 0, 1)
        for step in range(1, steps + 1):
            started = time.perf_counter()
            arm.step()
            tensors = {f"model/{n}": p.detach() for n, p in arm.named}
            tensors |= {
                f"optimizer/{n}/{key}": value
                for n, p in arm.named
                for key, value in arm.optimizer.state[p].items()
            }
            # It is written while the next steps run, so those count as well.
            if step % 6 == 0:
                checkpoints.write(step, tensors, {})
            (during if step % 6 in (0, 1, 2) and step > 2 else plain).append(time.perf_counter() - started)
        checkpoints.finish()
        started = time.perf_counter()
        found, _ = find_checkpoint(Path(folder), "benchmark")
        assert found is not None
        read_tensors(found.path, tensors, 1)
        resume = time.perf_counter() - started
        size = sum(path.stat().st_size for path in found.path.iterdir())
    step_s = statistics.median(plain[2:])
    lost = 3 * (statistics.median(during) - step_s)
    told = {
        "bytes": size,
        "step_s": round(step_s, 4),
        "lost_s": round(lost, 4),
        "share_of_50_steps": round(lost / (50 * step_s), 5),
        "resume_s": round(resume, 3),
    }
    print("checkpoint", json.dumps(told), flush=True)
    return told


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="*", choices=["steps", "documents", "checkpoint", []])
    parser.add_argument("--quick", action="store_true", help="a look at whether all works")
    parser.add_argument("--save", type=Path)
    said = parser.parse_args()
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    what = said.what or ["steps", "documents", "checkpoint"]
    found: dict[str, Any] = {"torch": torch.__version__, "threads": torch.get_num_threads()}
    if "steps" in what or "documents" in what:
        bring_peer()
    if "steps" in what:
        found["steps"] = measure_steps(4 if said.quick else 20)
    if "documents" in what:
        found["documents"] = measure_documents(20_000 if said.quick else 200_000)
    if "checkpoint" in what:
        found["checkpoint"] = measure_checkpoint(14 if said.quick else 48)
    text = json.dumps(found, indent=2)
    print(text)
    if said.save:
        said.save.write_text(text + "\n")


if __name__ == "__main__":
    main()
