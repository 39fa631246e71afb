"""The trainer component: from token shards to a model folder and its facts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import PreTrainedModel

from bigcode.api import Diagnostic, Fact, ProcessContext, fail
from bigcode_train.bpe import END, PAD
from bigcode_train.checkpoint import read_checkpoint
from bigcode_train.config import CausalLMConfig
from bigcode_train.fim import Marks
from bigcode_train.loop import Run, StepResult, Trainer
from bigcode_train.model import build_model, count_parameters, estimate_flops, export_model
from bigcode_train.packing import Recipe, Sequences
from bigcode_train.ranks import choose_device, choose_precision, join_ranks, share_from_first
from bigcode_train.stopwatch import Stopwatch
from bigcode_train.token_files import TokenFiles, open_tokens

_FIM_TOKENS = ("<fim_prefix>", "<fim_middle>", "<fim_suffix>")


class CausalLM:
    """Trains on the input `tokens`, made with the input `tokenizer`, and saves the output `model`: a folder that
    `from_pretrained` reads.

    Params: `architecture` (a transformers configuration with `model_type`), `objective` (`fimRate`, `spmRate`),
    `budget_tokens`, `seed`, `device`, `threads` and `checkpoint_every`. Runs on one rank or on all ranks that
    torchrun started; each of them calls `run`. Facts, points and the output come from rank 0.

    Raises:
        Problem: E803 when training diverges, E804 when ranks see different checkpoints, E805 when the token shards
            were made with another tokenizer, E104 to E106 when params do not fit together.
    """

    def __init__(self, config: CausalLMConfig) -> None:
        self.config = config

    def run(self, ctx: ProcessContext) -> None:
        watch = Stopwatch(ctx.scratch / "time", ctx.world) if ctx.rank == 0 else None
        if ctx.params.get("threads"):
            torch.set_num_threads(ctx.params["threads"])
        steps = self._count_steps(ctx)
        device = choose_device(ctx.params.get("device", "auto"), ctx.rank)
        with join_ranks(ctx.world, device):
            files, tokenizer = open_tokens(ctx), _find_tokenizer(ctx)
            vocabulary = _check_tokenizer(files, ctx)
            model = self._build(ctx, vocabulary).to(device)
            sequences = self._sequences(ctx, files, vocabulary)
            trainer = Trainer(model, sequences, self._plan_run(ctx, steps, device))
            _resume(ctx, trainer)
            report = _Report(ctx, trainer, watch)
            trainer.train(report.log, report.tick)
            if ctx.rank == 0:
                folder = ctx.scratch / "model"
                export_model(model, tokenizer, folder)
                ctx.save("model", folder)
                for fact in report.facts():
                    ctx.fact(fact)

    def _build(self, ctx: ProcessContext, vocabulary: Tokenizer) -> PreTrainedModel:
        end = vocabulary.token_to_id(END)
        pad = vocabulary.token_to_id(PAD)
        tokens = {"bos": end, "eos": end, "pad": end if pad is None else pad}
        size = vocabulary.get_vocab_size()
        return build_model(ctx.params["architecture"], size, self.config.context, tokens, ctx.params["seed"])

    def _sequences(self, ctx: ProcessContext, files: TokenFiles, vocabulary: Tokenizer) -> Sequences:
        objective = ctx.params["objective"]
        marks = [vocabulary.token_to_id(token) for token in _FIM_TOKENS]
        if objective["fimRate"] and None in marks:
            raise fail(
                "E106", f"the tokenizer lacks a token of {', '.join(_FIM_TOKENS)}, which `fimRate` asks for"
            )
        recipe = Recipe(
            width=self.config.context,
            seed=ctx.params["seed"],
            fim_rate=objective["fimRate"],
            spm_rate=objective["spmRate"],
            marks=Marks(*(mark if mark is not None else -1 for mark in marks)),
        )
        return Sequences(files, recipe)

    def _count_steps(self, ctx: ProcessContext) -> int:
        config = self.config
        if config.batch % ctx.world:
            raise fail("E105", f"{ctx.world} ranks cannot share a batch of {config.batch} sequences evenly")
        steps: int = ctx.params["budget_tokens"] // (config.batch * config.context)
        if not steps:
            tokens = config.batch * config.context
            raise fail("E105", f"the budget is smaller than one step, which takes {tokens} tokens")
        return steps

    def _plan_run(self, ctx: ProcessContext, steps: int, device: torch.device) -> Run:
        config = self.config
        identity = {
            "config": config.model_dump(mode="json", exclude={"log_every", "micro_batch"}),
            "params": {
                name: ctx.params[name] for name in ("architecture", "objective", "budget_tokens", "seed")
            },
            "inputs": [entry.digest for name in ("tokens", "tokenizer") for entry in ctx.entries(name)],
        }
        return Run(
            config=config,
            steps=steps,
            seed=ctx.params["seed"],
            rank=ctx.rank,
            world=ctx.world,
            device=device,
            dtype=choose_precision(config.precision, device),
            recipe=blake2b(json.dumps(identity, sort_keys=True).encode(), digest_size=32).hexdigest(),
            checkpoints=ctx.scratch / "checkpoints",
            checkpoint_every=ctx.params["checkpoint_every"],
        )


class _Report:
    """Turns what the loop tells into points, progress and facts; silent on all ranks but the first."""

    def __init__(self, ctx: ProcessContext, trainer: Trainer, watch: Stopwatch | None) -> None:
        self.ctx, self.trainer, self.watch = ctx, trainer, watch
        self._first_step = trainer.step
        self._ready = watch.now if watch else 0.0
        self._tokens_a_step = trainer.run.config.batch * trainer.run.config.context

    def log(self, result: StepResult) -> None:
        if self.watch is None:
            return
        seconds, _ = self.watch.mark()
        values = {
            "loss": result.loss,
            "lr": result.lr,
            "grad_norm": result.grad_norm,
            "tokens": float(result.step * self._tokens_a_step),
            "seconds": seconds,
        }
        self.ctx.point("train", result.step, values)

    def tick(self, step: int) -> None:
        if self.watch is not None:
            self.ctx.progress(step, self.trainer.run.steps)

    def facts(self) -> Iterator[Fact]:
        """What cards print about this run. Times cover all attempts; the rate covers the last one."""
        assert self.watch is not None
        seconds, device_seconds = self.watch.mark()
        trainer, run = self.trainer, self.trainer.run
        seen = run.steps * self._tokens_a_step
        flops = estimate_flops(trainer.model, run.config.context) * seen
        documents = len(trainer.sequences.documents(0, run.steps * run.config.batch))
        here = (run.steps - self._first_step) * self._tokens_a_step
        rate = here / (self.watch.now - self._ready) if here else None
        name = "bfloat16" if run.dtype == torch.bfloat16 else "float32"
        yield Fact("parameters", count_parameters(trainer.model), "parameter", label="Parameters")
        yield Fact("steps", run.steps, "step", label="Optimizer steps")
        yield Fact("tokens.seen", seen, "token", label="Tokens trained on")
        yield Fact("documents.seen", documents, "document", label="Documents trained on")
        yield Fact(
            "epochs", seen / trainer.sequences.files.header["tokens"], "1", label="Passes over the tokens"
        )
        yield Fact("loss.first", trainer.losses.first, "nat/token", label="First training loss")
        yield Fact(
            "loss.final",
            trainer.losses.final,
            "nat/token",
            label="Final training loss",
            method="mean of the last logged losses",
        )
        yield Fact(
            "flops",
            flops,
            "FLOP",
            kind="estimated",
            label="Operations of training",
            method="forward and backward matrix products and causal attention, counted from the model's shapes",
        )
        yield Fact("wall", seconds, "s", label="Wall time of training", method="all attempts")
        yield Fact(
            "device.hours",
            device_seconds / 3600,
            "device*h",
            label="Device hours of training",
            method="wall time of each attempt times its processes",
        )
        yield Fact(
            "throughput", rate, "token/s", label="Training rate", method="last attempt, without its start"
        )
        yield Fact("world", run.world, "device", label="Training processes")
        yield Fact("precision", name, "text", label="Arithmetic of matrix products")


def _find_tokenizer(ctx: ProcessContext) -> Mapping[str, Path]:
    return {Path(entry.name).name: ctx.path(entry) for entry in ctx.entries("tokenizer")}


def _check_tokenizer(files: TokenFiles, ctx: ProcessContext) -> Tokenizer:
    entry = next(e for e in ctx.entries("tokenizer") if Path(e.name).name == "tokenizer.json")
    if files.header["tokenizer"] != entry.digest:
        raise fail(
            "E805",
            f"the token shards were made with tokenizer {files.header['tokenizer'][:12]}, not {entry.digest[:12]}",
            hint="Make the token shards again with this tokenizer.",
        )
    return Tokenizer.from_file(str(ctx.path(entry)))


def _resume(ctx: ProcessContext, trainer: Trainer) -> None:
    """Go on from the newest intact checkpoint, on all ranks from the same one; from the start when there is none."""
    run = trainer.run
    checkpoint, refused = read_checkpoint(run.checkpoints, run.recipe)
    step = checkpoint.step if checkpoint else 0
    agreed = share_from_first(step, run.world)
    if step != agreed:
        raise fail(
            "E804", f"rank {run.rank} reads the checkpoint of step {step}, rank 0 that of step {agreed}"
        )
    if ctx.rank == 0:
        onward = f"training goes on from step {step}" if step else "training starts again"
        for reason in refused:
            ctx.warn(Diagnostic("E804", f"{reason}; {onward}", severity="warning"))
    if checkpoint:
        trainer.resume(checkpoint)
