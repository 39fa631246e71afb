"""One step at a time of this project's trainer and of Hugging Face's, in one process, for `training.py`."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from bigcode_train.network.attention import mark_documents
from bigcode_train.network.model import build_model, group_parameters
from bigcode_train.network.network import Network
from bigcode_train.network.probe import probe_model
from bigcode_train.network.sharding import Layout, gradient_norms, scale_gradients, spread_network

Batch = dict[str, Tensor]
END = 0
RATE = 1e-3


def make_model(architecture: dict[str, Any], context: int) -> Any:
    """The same random weights for every arm."""
    ids = {"bos": END, "eos": END, "pad": END}
    return build_model(architecture, architecture["vocab_size"], context, ids, seed=0)


class Ours:
    """The step of `bigcode_train.training.loop`, on one rank and without a journal.

    `rows` are int64 [batch, context + 1].
    """

    def __init__(self, model: Any, dtype: torch.dtype, rows: Iterator[Tensor], apart: bool) -> None:
        network = Network(model, probe_model(model, apart), 0.0)
        self.spread = spread_network(network, dtype, Layout(1, 1, 0), torch.device("cpu"))
        self.spread.network.train()
        self.rows, self.apart = rows, apart
        self.named = list(model.named_parameters())
        self.optimizer = torch.optim.AdamW(group_parameters(model, 0.1), lr=RATE, fused=True)
        self.model = model

    def step(self) -> int:
        """Take a step; returns the tokens that it learned from."""
        rows = next(self.rows)
        inputs = rows[:, :-1].contiguous()
        self.optimizer.zero_grad(set_to_none=True)
        view = mark_documents(inputs, END, whole=not self.apart)
        _, loss = self.spread.network(inputs, rows[:, 1:].contiguous(), *view)
        self.spread.backward(loss, last=True)
        norm, _ = gradient_norms(self.named)
        if norm > 1:
            scale_gradients((weight for _, weight in self.named), 1 / norm)
        self.optimizer.step()
        self.spread.publish()
        return inputs.numel()

    def close(self) -> None: ...


class Theirs:
    """`transformers.Trainer` in a thread that runs until its next step is done and then waits.

    `batches` are its batches after collating; `useful` says how many tokens it learns from in one.
    """

    def __init__(
        self, model: Any, bf16: bool, batches: Sequence[Batch], useful: Callable[[Batch], int]
    ) -> None:
        self.model, self.batches, self.useful = model, batches, useful
        self._go, self._done = threading.Semaphore(0), threading.Semaphore(0)
        self._closing, self._taken, self._error = False, 0, None
        self._thread = threading.Thread(target=self._train, args=(bf16,), daemon=True)
        self._thread.start()

    def step(self) -> int:
        self._go.release()
        self._done.acquire()
        if self._error is not None:
            raise self._error
        self._taken += 1
        return self.useful(self.batches[self._taken - 1])

    def close(self) -> None:
        self._closing = True
        self._go.release()
        self._thread.join()

    def _train(self, bf16: bool) -> None:
        from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

        arm = self

        class Wait(TrainerCallback):
            def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
                arm._done.release()
                arm._go.acquire()
                control.should_training_stop = arm._closing
                return control

        with tempfile.TemporaryDirectory() as folder:
            settings = TrainingArguments(
                output_dir=folder,
                per_device_train_batch_size=1,
                max_steps=len(self.batches),
                learning_rate=RATE,
                lr_scheduler_type="constant",
                weight_decay=0.1,
                max_grad_norm=1.0,
                optim="adamw_torch_fused",
                bf16=bf16,
                use_cpu=True,
                save_strategy="no",
                logging_strategy="no",
                report_to=[],
                disable_tqdm=True,
                dataloader_num_workers=0,
                remove_unused_columns=False,
            )
            trainer = Trainer(
                model=self.model,
                args=settings,
                train_dataset=_InOrder(self.batches),
                # A dataset of whole batches: what is compared is the step, not the collator.
                data_collator=lambda found: found[0],
                callbacks=[Wait()],
            )
            trainer.remove_callback(PrinterCallback)
            try:
                self._go.acquire()
                trainer.train()
            except BaseException as error:
                self._error = error
                self._done.release()


class _InOrder(torch.utils.data.IterableDataset):  # type: ignore[type-arg]
    def __init__(self, batches: Sequence[Batch]) -> None:
        self.batches = batches

    def __iter__(self) -> Iterator[Batch]:
        return iter(self.batches)
