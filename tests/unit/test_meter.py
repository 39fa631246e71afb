"""The meter of a process node, against counters that a test makes: no machine that runs it needs to have any."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bigcode.api import Fact, parse_unit
from bigcode.run.meter import Meter, facts_of, metering, read_attempts
from bigcode.run.power import Load, Nvml, Offered, Rapl, open_sources
from bigcode.testing.context import JobContext

LIMIT = 262_143_328_850


class Machine:
    """A `/sys/class/powercap` and a `/proc` in a folder, as Linux lays them out."""

    def __init__(self, folder: Path) -> None:
        self.powercap, self.proc = folder / "powercap", folder / "proc"
        for zone, name in {
            "intel-rapl:0": "package-0",
            "intel-rapl:0:0": "core",
            "intel-rapl:0:1": "dram",
            "intel-rapl:1": "package-1",
            "intel-rapl:2": "psys",
        }.items():
            self.write(zone, 1_000_000, name)
        (self.proc / "self").mkdir(parents=True)
        (self.proc / "meminfo").write_text("MemTotal: 1000 kB\nMemFree: 10 kB\nMemAvailable: 400 kB\n")
        (self.proc / "self" / "statm").write_text("500 100 50 1 0 300 0\n")
        self.tick(100, 900)

    def write(self, zone: str, microjoules: int, name: str = "") -> None:
        folder = self.powercap / zone
        folder.mkdir(parents=True, exist_ok=True)
        if name:
            (folder / "name").write_text(f"{name}\n")
            (folder / "max_energy_range_uj").write_text(f"{LIMIT}\n")
        (folder / "energy_uj").write_text(f"{microjoules}\n")

    def tick(self, busy: int, idle: int) -> None:
        (self.proc / "stat").write_text(f"cpu  {busy} 0 0 {idle} 0 0 0 0 0 0\ncpu0 1 1 1 1\n")


class Driver:
    """What `pynvml` offers, over boards whose counters a test turns. Boards before Volta have no counter."""

    class NVMLError(Exception):
        pass

    def __init__(self, boards: int = 2, counters: bool = True) -> None:
        self.millijoules, self.milliwatts = [10_000] * boards, [50_000] * boards
        self.counters, self.answers = counters, True

    def nvmlInit(self) -> None:
        if not self.answers:
            raise self.NVMLError("driver not loaded")

    def nvmlDeviceGetCount(self) -> int:
        return len(self.millijoules)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetUUID(self, handle: int) -> bytes:
        return f"GPU-{handle}abc".encode()

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: int) -> int:
        if not self.counters:
            raise self.NVMLError("not supported")
        return self.millijoules[handle]

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:
        return self.milliwatts[handle]

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> Any:
        return SimpleNamespace(gpu=80)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


class TestRapl:
    def test_packages_and_memory_count_and_what_is_in_them_does_not_count_twice(
        self, machine: Machine
    ) -> None:
        rapl = Rapl(machine.powercap)
        for zone in ("intel-rapl:0", "intel-rapl:0:0", "intel-rapl:0:1", "intel-rapl:1", "intel-rapl:2"):
            machine.write(zone, 6_000_000)
        assert rapl.read(1.0) == {"package-0:0": 5.0, "dram:0:1": 5.0, "package-1:1": 5.0}

    def test_a_counter_that_starts_again_goes_on(self, machine: Machine) -> None:
        machine.write("intel-rapl:1", LIMIT - 2_000_000)
        rapl = Rapl(machine.powercap)
        machine.write("intel-rapl:1", 3_000_000)
        assert rapl.read(1.0)["package-1:1"] == 5.0

    def test_a_machine_without_counters_offers_none(self, tmp_path: Path) -> None:
        with pytest.raises(OSError, match="no RAPL counters"):
            Rapl(tmp_path / "nowhere")


class TestNvml:
    def test_counters_are_read_from_where_they_stood(self) -> None:
        driver = Driver()
        nvml = Nvml(driver, visible="0,1")
        driver.millijoules = [13_000, 10_500]
        assert nvml.read(1.0) == {"gpu:0": 3.0, "gpu:1": 0.5}
        assert nvml.busy() == pytest.approx(0.8)

    def test_where_there_is_no_counter_power_is_added_up(self) -> None:
        driver = Driver(1, counters=False)
        nvml = Nvml(driver, visible="0")
        assert nvml.read(0.0) == {"gpu:0": 0.0}
        driver.milliwatts = [150_000]
        assert nvml.read(2.0) == {"gpu:0": 200.0}

    @pytest.mark.parametrize(
        "visible, boards", [("1", {"gpu:1"}), ("GPU-0abc", {"gpu:0"}), ("0,1", {"gpu:0", "gpu:1"})]
    )
    def test_boards_of_others_do_not_count(self, visible: str, boards: set[str]) -> None:
        assert set(Nvml(Driver(), visible=visible).read(0.0)) == boards

    def test_no_board_and_no_driver_are_no_source(self) -> None:
        silent = Driver()
        silent.answers = False
        for driver, visible in ((silent, None), (Driver(), "")):
            with pytest.raises(OSError):
                Nvml(driver, visible=visible)


def test_what_a_machine_lacks_is_said(tmp_path: Path, machine: Machine) -> None:
    class Broken:
        name = "NVML"

        def __init__(self) -> None:
            raise ImportError("no module")

    offered = open_sources((lambda: Rapl(machine.powercap), Broken))
    assert [source.name for source in offered.sources] == ["RAPL"]
    assert offered.lacking == ("NVML: ImportError",)


def test_load_is_the_share_of_time_in_which_processors_worked(machine: Machine) -> None:
    load = Load(machine.proc)
    machine.tick(400, 1000)
    found = load.read()
    assert found["cpu"] == pytest.approx(0.75)
    assert found["memory"] == 600 * 1024
    assert found["resident"] > 0


def test_load_of_a_machine_without_proc_is_not_known(tmp_path: Path) -> None:
    assert Load(tmp_path / "nowhere").read() == {}


class TestSamples:
    def test_energy_and_load_become_facts(self, tmp_path: Path, machine: Machine) -> None:
        told: list[tuple[int, Mapping[str, float]]] = []
        meter(tmp_path, machine, [0.0, 1.0, 2.0], told)
        facts = facts_by_id([tmp_path / "power.jsonl"])
        assert facts["meter.energy{step=train}"].value == pytest.approx(2 * 3.0 / 3.6e6)
        assert facts["meter.energy{step=train}"].method == "RAPL counters of the whole machine"
        assert facts["meter.source{step=train}"].value == "RAPL"
        assert facts["meter.covered{step=train}"].value == 1.0
        assert facts["meter.cut{step=train}"].value == 0
        assert facts["meter.busy{step=train,of=cpu}"].value == pytest.approx(0.5)
        assert [step for step, _ in told] == [2]
        assert told[0][1]["joules"] == pytest.approx(6.0)
        for fact in facts.values():
            parse_unit(fact.unit)
            assert fact.label
            assert not any(c.isdigit() for c in fact.label + fact.method)

    def test_time_without_samples_is_declared(self, tmp_path: Path, machine: Machine) -> None:
        meter(tmp_path, machine, [0.0, 1.0, 10.0])
        facts = facts_by_id([tmp_path / "power.jsonl"])
        assert facts["meter.covered{step=train}"].value == pytest.approx(0.2)

    def test_attempts_that_were_cut_off_count_and_are_told(self, tmp_path: Path, machine: Machine) -> None:
        path = tmp_path / "power.jsonl"
        meter(tmp_path, machine, [0.0, 1.0, 2.0])
        path.write_text(path.read_text().rpartition('{"end"')[0] + '{"t": 3')
        meter(tmp_path, machine, [0.0, 1.0, 2.0])
        assert [a.ended for a in read_attempts([path])] == [False, True]
        facts = facts_by_id([path])
        assert facts["meter.energy{step=train}"].value == pytest.approx(12.0 / 3.6e6)
        assert facts["meter.cut{step=train}"].value == 1

    def test_machines_of_a_run_are_added_up(self, tmp_path: Path, machine: Machine) -> None:
        for number in range(2):
            folder = tmp_path / str(number)
            folder.mkdir()
            meter(folder, machine, [0.0, 1.0])
        facts = facts_by_id([tmp_path / str(n) / "power.jsonl" for n in range(2)])
        assert facts["meter.energy{step=train}"].value == pytest.approx(6.0 / 3.6e6)

    def test_energy_that_a_part_of_the_run_did_not_meter_is_not_measured(
        self, tmp_path: Path, machine: Machine
    ) -> None:
        meter(tmp_path, machine, [0.0, 1.0])
        meter(tmp_path, machine, [0.0, 1.0], sources=False)
        facts = facts_by_id([tmp_path / "power.jsonl"])
        assert "meter.energy{step=train}" not in facts
        assert facts["meter.source{step=train}"].value == "none"

    def test_a_source_that_fails_leaves_the_work_alone(self, tmp_path: Path, machine: Machine) -> None:
        class Failing:
            name = "RAPL"

            def read(self, now: float) -> Mapping[str, float]:
                raise OSError("gone")

        run(
            Meter(
                tmp_path / "power.jsonl", offered=lambda: Offered((Failing(),), ()), load=Load(machine.proc)
            )
        )
        lines = [json.loads(line) for line in (tmp_path / "power.jsonl").read_text().splitlines()]
        assert lines[-1] == {"error": "OSError"}
        assert list(facts_of([tmp_path / "power.jsonl"], "train")) == []


class TestANode:
    def test_the_first_process_of_a_machine_meters_and_the_first_rank_tells(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for rank, local, group in ((1, "1", "0"), (2, "0", "1"), (0, "0", "0")):
            monkeypatch.setenv("LOCAL_RANK", local)
            monkeypatch.setenv("GROUP_RANK", group)
            ctx = JobContext(None, tmp_path, rank=rank)
            with metering(tmp_path, "train", ctx):
                pass
            assert bool(ctx.recorded) == (rank == 0)
        assert sorted(p.name for p in (tmp_path / "out" / "power").iterdir()) == [
            "1-power.jsonl",
            "power.jsonl",
        ]

    def test_what_fails_is_metered_to_its_end(self, tmp_path: Path) -> None:
        ctx = JobContext(None, tmp_path)
        with pytest.raises(KeyError), metering(tmp_path, "train", ctx):
            raise KeyError
        (attempt,) = read_attempts([tmp_path / "power.jsonl"])
        assert attempt.ended
        assert not ctx.recorded


def meter(
    folder: Path,
    machine: Machine,
    times: Sequence[float],
    told: list[Any] | None = None,
    sources: bool = True,
) -> None:
    """A meter that samples at these times; each package uses a joule and half of the ticks are work in between."""

    made = Meter(
        folder / "power.jsonl",
        (lambda step, values: told.append((step, values))) if told is not None else lambda step, values: None,
        offered=lambda: open_sources((lambda: Rapl(machine.powercap),) if sources else ()),
        load=Load(machine.proc),
        done=(times_ := Times(machine, times)),
        clock=times_.now,
    )
    made.start()
    made.stop()


class Times(threading.Event):
    """Waits that end at once, at the times given; the clock stands still between them."""

    def __init__(self, machine: Machine, times: Sequence[float]) -> None:
        super().__init__()
        self.machine, self.left, self.time = machine, list(times[1:]), times[0]

    def now(self) -> float:
        return self.time

    def set(self) -> None:
        """The end comes when the times are over."""

    def wait(self, timeout: float | None = None) -> bool:
        self.time = self.left.pop(0)
        for zone in ("intel-rapl:0", "intel-rapl:0:1", "intel-rapl:1"):
            value = int((self.machine.powercap / zone / "energy_uj").read_text())
            self.machine.write(zone, value + 1_000_000)
        busy, idle = (int(word) for word in (self.machine.proc / "stat").read_text().split()[1:5:3])
        self.machine.tick(busy + 50, idle + 50)
        return not self.left


def run(made: Meter) -> None:
    made.start()
    made.stop()


def facts_by_id(paths: Sequence[Path]) -> dict[str, Fact]:
    return {fact.id: fact for fact in facts_of(paths, "train")}
