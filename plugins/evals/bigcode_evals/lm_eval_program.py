"""The program that runs in the environment of lm-eval: `python lm_eval_program.py JOB.json RESULT.json`.

It imports the standard library and lm_eval alone. It leaves {"version": ...} with either "error" (a kind and no
message that could hold data) or "results", "configs", "versions" and "n-samples" as the harness gives them.
"""

import json
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any


def main(job_path: str, result_path: str) -> None:
    with open(job_path) as stream:
        job = json.load(stream)
    said: dict[str, Any]
    try:
        said = run(job)
    except PackageNotFoundError:
        said = {"error": "absent"}
    except ImportError as error:
        said = {"error": "import", "module": error.name or ""}
    except Exception as error:
        said = {"error": _kind(error)}
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
    with open(result_path, "w") as stream:
        json.dump(said, stream, default=str)


def run(job: dict[str, Any]) -> dict[str, Any]:
    found = {name: text for name in job["packages"] if (text := _version(name))}
    harness = version("lm-eval")
    import lm_eval
    from lm_eval.tasks import TaskManager

    if job["threads"]:
        import torch

        torch.set_num_threads(job["threads"])
    tasks = TaskManager(include_path=job["task_folder"] or None)
    seeds = dict.fromkeys(
        ("random_seed", "numpy_random_seed", "torch_random_seed", "fewshot_random_seed"), job["seed"]
    )
    answer = lm_eval.simple_evaluate(
        model="hf",
        model_args={"pretrained": job["model"], "dtype": "float32", "trust_remote_code": False},
        tasks=job["tasks"],
        num_fewshot=job["few_shot"],
        limit=job["items"] or None,
        batch_size=job["batch"],
        device=job["device"],
        bootstrap_iters=job["bootstrap"],
        log_samples=False,
        task_manager=tasks,
        confirm_run_unsafe_code=False,
        **seeds,
    )
    kept = ("results", "configs", "versions", "n-samples", "higher_is_better")
    return {"version": harness, "packages": found} | {name: answer.get(name) or {} for name in kept}


def _kind(error: Exception) -> str:
    """Metrics that run programs are fetched when a task is read, before the harness asks whether it may run them."""
    text = str(error).lower()
    if "unsafe" in text or "code_eval" in text:
        return "unsafe"
    return "offline" if "hub" in text or "offline" in text else type(error).__name__


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


if __name__ == "__main__":
    main(*sys.argv[1:])
