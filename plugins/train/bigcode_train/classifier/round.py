"""Rounds of training: a model from labels, and further ones from labels and from what the model before was sure of."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch

from bigcode.api import Diagnostic, ProcessContext, Runtime, fail
from bigcode_train.classifier.config import TokenClassifierConfig
from bigcode_train.classifier.facts import Round
from bigcode_train.classifier.labelled import Labelled, LabelledSet
from bigcode_train.classifier.loop import Judge, TagTrainer
from bigcode_train.classifier.model import TagNetwork, build_classifier
from bigcode_train.classifier.predict import Finder, mean_loss, score_texts
from bigcode_train.classifier.pseudo import find_unlabelled, keep, label_texts, recall
from bigcode_train.classifier.spans import Score, tag_names
from bigcode_train.classifier.windows import Encoder, WindowCourse, make_rows, thin_out, weigh_tags
from bigcode_train.network.sharding import Layout, Whole
from bigcode_train.order.permutation import make_key
from bigcode_train.training.checkpoint import Altered, Checkpoints, find_checkpoint
from bigcode_train.training.loop import Report, Run, describe
from bigcode_train.training.ranks import Presence, choose_precision, explain_loss, share_from_first
from bigcode_train.training.stopwatch import Stopwatch
from bigcode_train.watch.watching import StepResult


@dataclass(frozen=True, slots=True)
class Job:
    """What all rounds of a run have in common. `steps` are those of one round."""

    ctx: ProcessContext
    config: TokenClassifierConfig
    device: torch.device
    presence: Presence | None
    watch: Stopwatch | None
    tokenizer: Mapping[str, Path]
    encoder: Encoder
    base: Path | None
    labelled: LabelledSet
    steps: int


def train_rounds(job: Job) -> tuple[list[Round], int, TagTrainer]:
    """All rounds; the number of the one that was best on the development part (of equals the last), and its trainer."""
    ctx, config = job.ctx, job.config
    texts = find_unlabelled(ctx, job.labelled, config) if config.pseudo.rounds else []
    rounds: list[Round] = []
    chosen, best = 0, None
    given: tuple[Labelled, ...] = ()
    for number in range(config.pseudo.rounds + 1):
        trainer, recipe, result = _train_round(job, number, given)
        rounds.append(result)
        if best is None or (result.development.best or ()) >= (rounds[chosen].development.best or ()):
            chosen, best = number, trainer
        if number < config.pseudo.rounds:
            path = ctx.scratch / f"pseudo-{number}.json"
            known = recall(path, recipe, texts, ctx.rank, ctx.world)
            if known is None:
                known = label_texts(texts, exact_finder(job, trainer), config, ctx.rank, ctx.world)
                if ctx.rank == 0:
                    keep(path, recipe, known)
            given = known
    assert best is not None
    return rounds, chosen, best


def exact_finder(job: Job, trainer: TagTrainer) -> Finder:
    """Finds with the fp32 weights, as the detector will."""
    network = TagNetwork(trainer.model, torch.empty(0), 0.0).to(job.device).eval()
    return Finder(network, job.encoder, job.config, job.device)


def _train_round(job: Job, number: int, pseudo: tuple[Labelled, ...]) -> tuple[TagTrainer, str, Round]:
    ctx, config, seed = job.ctx, job.config, job.ctx.params["seed"]
    tags = tag_names(config.entities)
    sure = {e: config.pseudo.thresholds.get(e, config.pseudo.threshold) for e in config.entities}
    rows = make_rows([*job.labelled.parts["train"], *pseudo], job.encoder, config.entities, sure)
    rows = thin_out(rows, config.empty, make_key(seed, number, "empty"))
    weights = weigh_tags(rows, len(tags), config.balance)
    course = WindowCourse(rows, job.steps, config, weights, job.encoder.pad, make_key(seed, number, "order"))
    recipe = _recipe(job, number, pseudo)
    trainer = _build(job, course, recipe, number)
    _resume(ctx, trainer)
    _advance(job, trainer, number)
    result = Round(
        trainer.step, course.tokens(trainer.step), len(rows), trainer.losses.first, trainer.losses.final,
        trainer.development, pseudo,
    )  # fmt: skip
    return trainer, recipe, result


def _build(job: Job, course: WindowCourse, recipe: str, number: int) -> TagTrainer:
    ctx, config, params = job.ctx, job.config, job.ctx.params
    tokenizer = job.encoder.tokenizer
    seed = int.from_bytes(make_key(params["seed"], number, "weights")[:4], "little")
    model = build_classifier(
        params["architecture"], len(tokenizer), config.window, tokenizer.pad_token_id, tag_names(config.entities),
        seed, job.base,
    )  # fmt: skip
    network = TagNetwork(model, torch.from_numpy(course.weights), config.focal).to(job.device)
    layout = Layout(ctx.world, ctx.world, ctx.rank)
    run = Run(
        config=config,
        seed=params["seed"],
        rank=ctx.rank,
        layout=layout,
        device=job.device,
        dtype=choose_precision(config.precision, job.device),
        end=0,
        checkpoint_every=params["checkpointEvery"],
    )
    kept = params.get("checkpointsKept", 2)
    checkpoints = Checkpoints(ctx.scratch / f"checkpoints-{number}", recipe, kept, ctx.rank, ctx.world)
    spread = Whole(network, run.dtype, layout)  # type: ignore[arg-type]
    trainer = TagTrainer(spread, course, run, checkpoints)
    if job.labelled.parts["development"]:
        trainer.judge = _judge(job, trainer, number)
    return trainer


def _judge(job: Job, trainer: TagTrainer, number: int) -> Judge:
    """F1 over all entities of the development part, then the loss on it."""
    ctx, config, items = job.ctx, job.config, job.labelled.parts["development"]
    rows = make_rows(items, job.encoder, config.entities, {})
    network: Any = trainer.spread.network
    finder = Finder(network, job.encoder, config, job.device)

    def judge() -> tuple[float, ...]:
        scores = score_texts(finder, items, config, ctx.rank, ctx.world)["partial"]
        f1 = sum(scores.values(), Score()).f1
        loss = mean_loss(network, rows, job.encoder.pad, config, job.device, ctx.rank, ctx.world)
        if ctx.rank == 0:
            ctx.point("development", trainer.step + number * job.steps, {"f1": f1, "loss": loss})
        return f1, -loss

    return judge


def _advance(job: Job, trainer: TagTrainer, number: int) -> None:
    """Train to the end of a round. Its steps are counted on from those of the rounds before."""
    ctx, done = job.ctx, number * job.steps
    total = job.steps * (job.config.pseudo.rounds + 1)

    def logged(result: StepResult) -> None:
        if job.watch is None:
            return
        seconds, _ = job.watch.mark()
        values = {
            "loss": result.loss, "lr": result.lr, "grad_norm": result.grad_norm,
            "tokens": float(trainer.course.tokens(result.step)), "seconds": seconds,
        }  # fmt: skip
        ctx.point("train", done + result.step, values)
        ctx.point("order", done + result.step, {"digest": trainer.course.digest(result.step)})

    def stepped(step: int) -> None:
        if job.presence:
            job.presence.mark(done + step)
        ctx.progress(done + step, total)

    def warned(message: str) -> None:
        ctx.warn(Diagnostic("E804", message, severity="warning"))

    try:
        trainer.train(Report(stepped, logged, warned))
    except (RuntimeError, TimeoutError) as error:
        problem = explain_loss(error, job.presence, describe(trainer.checkpoints.latest()))
        if problem is None:
            raise
        raise problem from error


def _recipe(job: Job, number: int, pseudo: Sequence[Labelled]) -> str:
    """Names what a round computes, so that no other one goes on from its checkpoints."""
    ctx = job.ctx
    runtime = {
        name for name, field in TokenClassifierConfig.model_fields.items() if Runtime in field.metadata
    }
    names = ("architecture", "budget_tokens", "seed", "labels")
    sources = range(len(ctx.params.get("sources") or [0]))
    identity = {
        "config": job.config.model_dump(mode="json", exclude={"log_every", *runtime}),
        "params": {name: ctx.params.get(name) for name in names},
        "inputs": [e.digest for name in ("tokenizer", "base") for e in ctx.entries(name)],
        "data": [e.digest for index in sources for e in ctx.entries(f"data.{index}")],
        "labelled": job.labelled.as_json(pseudo),
        "pseudo": [[item.blob, [list(span) for span in item.spans]] for item in pseudo],
        "round": number,
    }
    return blake2b(json.dumps(identity, sort_keys=True).encode(), digest_size=32).hexdigest()


def _resume(ctx: ProcessContext, trainer: TagTrainer) -> None:
    """Go on from the newest intact checkpoint, on all ranks from the same one."""
    checkpoints = trainer.checkpoints
    box = find_checkpoint(checkpoints.folder, checkpoints.recipe) if ctx.rank == 0 else None
    found, refused = share_from_first(box, ctx.world)  # type: ignore[misc]
    if found is not None:
        try:
            trainer.resume(found)
        except Altered as altered:
            raise fail("E804", f"{found.path.name}: {altered}") from altered
    onward = f"training goes on from step {found.step}" if found else "training starts again"
    for reason in refused:
        ctx.warn(Diagnostic("E804", f"{reason}; {onward}", severity="warning"))
