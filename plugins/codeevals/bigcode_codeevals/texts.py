"""The evaluator whose completions are compared with a text: BLEU."""

from __future__ import annotations

from collections.abc import Sequence

from bigcode.api import Fact, ProcessContext
from bigcode.api.canonical import canonical
from bigcode_codeevals.config import TextsConfig
from bigcode_codeevals.contamination import standing, tell
from bigcode_codeevals.facts import harness_facts, harness_of, sampling_facts
from bigcode_codeevals.generate import Generator, Request, lay_out
from bigcode_codeevals.measures import corpus_bleu, interval_of_mean, smoothed_bleu
from bigcode_codeevals.suites.choose import texts

COMPONENT = "codeevals.texts"


class Texts:
    """A process with the input `model`, and the output `results`: results.json, scores by task and no text.

    `bleu.mean` is the mean of smoothed sentence BLEU, as CodeXGLUE scores summaries; `bleu.corpus` that of all texts
    together; `exact` the share of completions whose words are those of the reference. No program is run.
    """

    def __init__(self, config: TextsConfig) -> None:
        self.config = config

    def run(self, ctx: ProcessContext) -> None:
        """Draw completions and compare their words.

        Raises:
            Problem: E702 or E708 for the suite, E805 for the model.
        """
        config = self.config
        suite = texts(config)
        seed = config.seed + int(ctx.params.get("seed", 0))
        generator = Generator(lay_out(ctx), config.sampling, seed)
        lower = config.format == "code-to-text"
        tasks = {f"{task.id}/{n}": task for task in suite.tasks for n in range(config.sampling.samples)}
        requests = [
            Request(key, config.prefix + task.prompt, None, task.stop) for key, task in tasks.items()
        ]  # fmt: skip
        words = {c.key: _words(c.text, lower) for c in generator.complete(requests, ctx.progress)}
        pairs = [(words[key], task.reference) for key, task in tasks.items()]
        scores = [smoothed_bleu(given, reference) for given, reference in pairs]
        exact = [float(tuple(given) == tuple(reference)) for given, reference in pairs]
        path = ctx.scratch / "results.json"
        kept = dict(zip(tasks, scores, strict=True))
        path.write_bytes(
            canonical({"bleu": kept, "component": COMPONENT, "sha256": suite.sha256, "suite": suite.name})
        )
        ctx.save("results", path)
        read = tuple(entry.digest for entry in ctx.entries("model"))
        group = f"{{suite={suite.name}}}"
        harness = harness_of(COMPONENT, suite.sha256, config, {})
        for fact in (
            Fact(f"tasks{group}", len(suite.tasks), "task", label="Tasks", inputs=read),
            self._mean(f"bleu.mean{group}", scores, "Sentence BLEU", "smoothed from bigrams on; mean", read),
            self._mean(f"exact{group}", exact, "Equal to the reference", "word by word", read),
            Fact(
                f"bleu.corpus{group}",
                corpus_bleu(pairs),
                label="Corpus BLEU",
                method="no smoothing",
                inputs=read,
            ),
            *tell(ctx, standing(ctx, suite.names, suite.sha256), suite.name),
            *sampling_facts(suite.name, config.sampling, sorted({s for t in suite.tasks for s in t.stop})),
            *harness_facts(suite.name, suite.sha256, harness, {}),
        ):
            ctx.fact(fact)

    def _mean(
        self, name: str, values: Sequence[float], label: str, method: str, read: tuple[str, ...]
    ) -> Fact:
        n = self.config.sampling.samples
        by_task = [sum(values[i : i + n]) / n for i in range(0, len(values), n)]
        between = interval_of_mean(by_task, self.config.confidence, self.config.bootstrap, self.config.seed)
        mean = sum(by_task) / len(by_task)
        return Fact(name, mean, label=label, method=method, interval=between, inputs=read)


def _words(text: str, lower: bool) -> list[str]:
    return (text.lower() if lower else text).split()
