"""The trainer of token classifiers: from labelled files to a folder that the detector `pii.ner` loads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from transformers import AutoTokenizer

from bigcode.api import Fact, ProcessContext, fail
from bigcode_train.classifier.config import TokenClassifierConfig
from bigcode_train.classifier.facts import Round, labelled_facts, score_facts
from bigcode_train.classifier.labelled import build_labelled
from bigcode_train.classifier.loop import TagTrainer
from bigcode_train.classifier.model import export_classifier
from bigcode_train.classifier.predict import score_texts
from bigcode_train.classifier.round import Job, exact_finder, train_rounds
from bigcode_train.classifier.windows import Encoder
from bigcode_train.network.model import count_parameters, estimate_flops, gather_base
from bigcode_train.training.facts import time_facts
from bigcode_train.training.ranks import Presence, choose_device, join_ranks
from bigcode_train.training.stopwatch import Stopwatch


class TokenClassifier:
    """Trains on the labelled set `params.labels`, made on files of the inputs `data.0`, `data.1` ... (shards of
    datasets), and saves the output `model`: a folder with configuration, weights in safetensors and tokenizer. The
    input `base`, if there is one, is an encoder or a decoder to go on from; whatever head it has is replaced. The
    output `labelled` names the files that were learnt from by their digests.

    Params: `architecture`, `labels`, `budget_tokens` (of each round), `seed`, `sources`, and `device`, `threads`,
    `checkpointEvery`, `checkpointsKept`. Labels that bring texts of their own need the inputs `snapshot.0` ... and
    `verdicts.0` ... of the datasets. Each rank holds the whole model.

    Raises:
        Problem: E707 when there is no label to train on, E401 when labels bring texts and opt-outs are not known,
            E803 to E805, E809, E810 and E812 as `train.causal-lm` does, E811 for sharding, E104 to E106 when params do
            not fit.
    """

    def __init__(self, config: TokenClassifierConfig) -> None:
        self.config = config

    def run(self, ctx: ProcessContext) -> None:
        watch = Stopwatch(ctx.scratch / "time", ctx.world) if ctx.rank == 0 else None
        if ctx.params.get("threads"):
            torch.set_num_threads(ctx.params["threads"])
        steps = self._check(ctx)
        device = choose_device(ctx.params.get("device", "auto"), ctx.rank)
        presence = Presence(ctx.scratch / "ranks", ctx.rank, ctx.world) if ctx.world > 1 else None
        with join_ranks(presence, device, self.config.join_timeout, self.config.rank_timeout):
            base, files = self._gather(ctx)
            tokenizer = AutoTokenizer.from_pretrained(
                files["tokenizer.json"].parent, local_files_only=True, trust_remote_code=False
            )
            encoder = Encoder(tokenizer, self.config)
            labelled = build_labelled(ctx, self.config.development, self.config.test)
            job = Job(ctx, self.config, device, presence, watch, files, encoder, base, labelled, steps)
            rounds, chosen, trainer = train_rounds(job)
            finder = exact_finder(job, trainer)
            held_out = score_texts(finder, labelled.parts["test"], self.config, ctx.rank, ctx.world)
            if ctx.rank == 0:
                self._hand_over(job, trainer, rounds[chosen])
                for fact in (
                    *labelled_facts(labelled, rounds, chosen, self.config),
                    *score_facts(held_out, labelled),
                    *self._costs(job, trainer, rounds),
                ):
                    ctx.fact(fact)

    def _check(self, ctx: ProcessContext) -> int:
        """Refuse what cannot be done; returns the steps of a round."""
        params, config = ctx.params, self.config
        if params.get("sharding", "none") != "none" or params.get("tensor", 1) > 1:
            raise fail("E811", "a token classifier is held whole on each rank", hint="Set `sharding: none`.")
        if config.batch % ctx.world:
            raise fail("E105", f"{ctx.world} ranks cannot share a batch of {config.batch} windows evenly")
        steps = params["budget_tokens"] // (config.batch * config.window)
        if not steps:
            raise fail("E105", f"the budget is less than a step of {config.batch * config.window} tokens")
        return int(steps)

    def _gather(self, ctx: ProcessContext) -> tuple[Path | None, Mapping[str, Path]]:
        """The folder of the base, and the files of the tokenizer by name, all in one folder."""
        files = {Path(e.name).name: (e.digest, ctx.path(e)) for e in ctx.entries("tokenizer")}
        found = ctx.entries("base")
        base = None
        if self.config.tokenizer == "base" and not found:
            raise fail("E105", "the tokenizer is to be that of a base, and there is none")
        if found:
            base = gather_base([(e.name, ctx.path(e)) for e in found], ctx.scratch / f"base-{ctx.rank}")
            theirs = {
                Path(e.name).name: (e.digest, ctx.path(e)) for e in found if "token" in Path(e.name).name
            }
            if self.config.tokenizer == "base":
                files = theirs
            elif "tokenizer.json" in theirs and theirs["tokenizer.json"][0] != files["tokenizer.json"][0]:
                raise fail(
                    "E805",
                    "the base was trained with another tokenizer",
                    hint="Name that one, or set `tokenizer: base` in the trainer's settings.",
                )
        if "tokenizer.json" not in files:
            raise fail("E105", "there is no `tokenizer.json` to cut texts with")
        folder = ctx.scratch / f"tokenizer-{ctx.rank}"
        folder.mkdir(parents=True, exist_ok=True)
        for name, (_, path) in files.items():
            (folder / name).unlink(missing_ok=True)
            (folder / name).symlink_to(path.resolve())
        return base, {name: folder / name for name in sorted(files)}

    def _hand_over(self, job: Job, trainer: TagTrainer, chosen: Round) -> None:
        folder = job.ctx.scratch / "model"
        export_classifier(trainer.model, job.tokenizer, folder)
        job.ctx.save("model", folder)
        path = job.ctx.scratch / "labelled.json"
        path.write_text(job.labelled.as_json(chosen.pseudo), encoding="utf-8")
        job.ctx.save("labelled", path, "labelled.json")

    def _costs(self, job: Job, trainer: TagTrainer, rounds: Sequence[Round]) -> Iterator[Fact]:
        assert job.watch is not None
        seconds, device_seconds = job.watch.mark()
        tokens = sum(each.tokens for each in rounds)
        yield Fact("parameters", count_parameters(trainer.model), "parameter", label="Parameters")
        yield Fact("steps", sum(each.steps for each in rounds), "step", label="Optimizer steps")
        yield Fact("tokens.seen", tokens, "token", label="Tokens trained on")
        yield Fact("windows", rounds[-1].windows, label="Windows to train on, last round")
        yield Fact("loss.first", rounds[0].first_loss, "nat/token", label="First training loss")
        yield Fact("loss.final", rounds[-1].last_loss, "nat/token", label="Final training loss")
        yield Fact(
            "flops",
            # Both sides of a token count, twice what a causal model looks at.
            tokens * estimate_flops(trainer.model, 2 * self.config.window),
            "FLOP",
            kind="estimated",
            label="Operations of training",
            method="forward and backward matrix products and attention over whole windows, from the model's shapes",
        )
        yield from time_facts(seconds, device_seconds)
        yield Fact("world", job.ctx.world, "device", label="Training processes")
        name = str(trainer.run.dtype).removeprefix("torch.")
        yield Fact("arithmetic", name, "text", label="Arithmetic of matrix products")
