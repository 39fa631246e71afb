"""The trainer component: from token shards to a model folder and its facts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import PreTrainedModel

from bigcode.api import Diagnostic, ProcessContext, Runtime, fail
from bigcode_train.config import CausalLMConfig
from bigcode_train.network.model import build_model, export_model, gather_base
from bigcode_train.network.network import Network, find_blocks
from bigcode_train.network.probe import probe_model
from bigcode_train.network.sharding import (
    Sharded,
    Whole,
    check_ranks,
    check_tensor,
    lay_out,
    spread_network,
    whole_weights,
)
from bigcode_train.tokens.bpe import END, PAD
from bigcode_train.tokens.token_files import open_sources
from bigcode_train.training.checkpoint import Altered, Checkpoints, find_checkpoint
from bigcode_train.training.facts import Account
from bigcode_train.training.feeding import row_opener
from bigcode_train.training.loop import Run, Trainer, describe
from bigcode_train.training.ranks import (
    Presence,
    choose_device,
    choose_precision,
    explain_loss,
    join_ranks,
    share_from_first,
)
from bigcode_train.training.stages import Course, plan_stages
from bigcode_train.training.stopwatch import Stopwatch
from bigcode_train.watch.run import open_watch
from bigcode_train.watch.watching import Watcher


class CausalLM:
    """Trains on the inputs `tokens.0`, `tokens.1` ..., made with the input `tokenizer`, and saves the output `model`:
    a folder that `from_pretrained` reads. The input `base`, if there is one, is such a folder to go on from.

    Params: `architecture` (a transformers configuration with `model_type`), `objective`, `budget_tokens`, `stages`,
    `sources`, `seed`, and how the run is spread: `device`, `threads`, `checkpointEvery`, `checkpointsKept`,
    `sharding`, `replicas`, `tensor`, `recompute`, `compile`. Runs on one rank or on all ranks that torchrun started;
    each of them calls `run`. Facts, points and the output come from rank 0.

    Raises:
        Problem: E803 when training diverges, E804 when a checkpoint cannot be loaded, E805 when the token shards were
            made with another tokenizer, E809 when a rank is lost, E810 when a signal asks to stop, E811 when the
            model cannot be spread as asked, E104 to E106 when params do not fit together.
    """

    def __init__(self, config: CausalLMConfig, watchers: Sequence[Watcher] = ()) -> None:
        self.config, self.watchers = config, tuple(watchers)

    def run(self, ctx: ProcessContext) -> None:
        watch = Stopwatch(ctx.scratch / "time", ctx.world) if ctx.rank == 0 else None
        if ctx.params.get("threads"):
            torch.set_num_threads(ctx.params["threads"])
        stages = plan_stages(ctx.params, self.config)
        check_ranks(ctx.params, self.config.batch, ctx.world)
        device = choose_device(ctx.params.get("device", "auto"), ctx.rank)
        presence = Presence(ctx.scratch / "ranks", ctx.rank, ctx.world) if ctx.world > 1 else None
        with join_ranks(presence, device, self.config.join_timeout, self.config.rank_timeout):
            sources = open_sources(ctx)
            tokenizer = {Path(entry.name).name: ctx.path(entry) for entry in ctx.entries("tokenizer")}
            vocabulary = Tokenizer.from_file(str(tokenizer["tokenizer.json"]))
            opener = row_opener(ctx, self.config, sources, tokenizer["tokenizer.json"], vocabulary)
            course = Course(stages, self.config, opener)
            run = self._plan_run(ctx, device, vocabulary)
            spread = self._spread(ctx, run, max(stage.context for stage in stages), vocabulary)
            eye = open_watch(ctx, self.config.watch, spread.network, course, opener, vocabulary, run.end)
            trainer = Trainer(spread, course, run, self._checkpoints(ctx), (eye, *self.watchers))
            _resume(ctx, trainer)
            account = Account(ctx, trainer, watch)
            self._train(trainer, account, presence)
            eye.finish()
            self._hand_over(ctx, trainer, tokenizer)
            if ctx.rank == 0:
                for fact in (*account.facts(sources), *eye.facts()):
                    ctx.fact(fact)

    def _train(self, trainer: Trainer, account: Account, presence: Presence | None) -> None:
        report = account.report(presence.mark) if presence else account.report()
        try:
            trainer.train(report)
        except (RuntimeError, TimeoutError) as error:
            problem = explain_loss(error, presence, describe(trainer.checkpoints.latest()))
            if problem is None:
                raise
            raise problem from error

    def _hand_over(self, ctx: ProcessContext, trainer: Trainer, tokenizer: Mapping[str, Path]) -> None:
        weights = whole_weights(trainer.spread)
        if ctx.rank == 0:
            folder = ctx.scratch / "model"
            export_model(trainer.model, weights, tokenizer, folder)
            ctx.save("model", folder)

    def _build(self, ctx: ProcessContext, context: int, vocabulary: Tokenizer) -> PreTrainedModel:
        end = vocabulary.token_to_id(END)
        pad = vocabulary.token_to_id(PAD)
        tokens = {"bos": end, "eos": end, "pad": end if pad is None else pad}
        found = ctx.entries("base")
        base = None
        if found:
            _check_base(ctx)
            files = [(entry.name, ctx.path(entry)) for entry in found]
            base = gather_base(files, ctx.scratch / f"base-{ctx.rank}")
        size = vocabulary.get_vocab_size()
        return build_model(ctx.params["architecture"], size, context, tokens, ctx.params["seed"], base)

    def _spread(self, ctx: ProcessContext, run: Run, context: int, vocabulary: Tokenizer) -> Whole | Sharded:
        params = ctx.params
        model = self._build(ctx, context, vocabulary)
        check_tensor(model, params.get("tensor", 1))
        network = Network(model, probe_model(model, self.config.masking == "document"), self.config.z_loss)
        if params.get("recompute"):
            if not model.supports_gradient_checkpointing:
                raise fail("E811", f"`{model.config.model_type}` has no way to compute activations again")
            # Its new name; releases before it have the old one alone.
            enable = getattr(model, "activation_checkpointing_enable", model.gradient_checkpointing_enable)
            enable({"use_reentrant": False})
        spread = spread_network(network, run.dtype, run.layout, run.device)
        if params.get("compile"):
            for block in find_blocks(spread.network.model):
                block.compile()
        return spread

    def _plan_run(self, ctx: ProcessContext, device: torch.device, vocabulary: Tokenizer) -> Run:
        layout = lay_out(ctx.params, ctx.rank, ctx.world, device)
        return Run(
            config=self.config,
            seed=ctx.params["seed"],
            rank=ctx.rank,
            layout=layout,
            device=device,
            dtype=choose_precision(self.config.precision, device),
            end=vocabulary.token_to_id(END),
            checkpoint_every=ctx.params["checkpointEvery"],
        )

    def _checkpoints(self, ctx: ProcessContext) -> Checkpoints:
        names = ("architecture", "objective", "budget_tokens", "seed", "stages", "sources")
        runtime = {name for name, field in CausalLMConfig.model_fields.items() if Runtime in field.metadata}
        watch = self.config.watch
        inputs = [f"tokens.{i}" for i in range(len(ctx.params.get("sources") or [0]))]
        identity = {
            "config": self.config.model_dump(mode="json", exclude={"log_every", "watch", *runtime}),
            "watch": [watch.skip, watch.sigmas, watch.window],
            "params": {name: ctx.params.get(name) for name in names},
            "inputs": [e.digest for name in (*inputs, "tokenizer", "base") for e in ctx.entries(name)],
        }
        recipe = blake2b(json.dumps(identity, sort_keys=True).encode(), digest_size=32).hexdigest()
        kept = ctx.params.get("checkpointsKept", 2)
        return Checkpoints(ctx.scratch / "checkpoints", recipe, kept, ctx.rank, ctx.world)


def _check_base(ctx: ProcessContext) -> None:
    """Refuse a base that was trained with another tokenizer, where it says which."""
    (mine,) = (e.digest for e in ctx.entries("tokenizer") if Path(e.name).name == "tokenizer.json")
    theirs = [e.digest for e in ctx.entries("base") if Path(e.name).name == "tokenizer.json"]
    if theirs and theirs[0] != mine:
        raise fail(
            "E805",
            f"the base was trained with tokenizer {theirs[0][:12]}, not {mine[:12]}",
            hint="Let the model name the tokenizer of its base.",
        )


def _resume(ctx: ProcessContext, trainer: Trainer) -> None:
    """Go on from the newest intact checkpoint, on all ranks from the same one; from the start when there is none."""
    checkpoints, world = trainer.checkpoints, ctx.world
    box = find_checkpoint(checkpoints.folder, checkpoints.recipe) if ctx.rank == 0 else None
    found, refused = share_from_first(box, world)  # type: ignore[misc]
    if found is not None:
        try:
            trainer.resume(found)
        except Altered as altered:
            raise fail("E804", f"{found.path.name}: {altered}") from altered
    onward = f"training goes on from step {found.step}" if found else "training starts again"
    for reason in refused:
        ctx.warn(Diagnostic("E804", f"{reason}; {onward}", severity="warning"))
