"""Timing and output for the Python peers: one line per number, `workload<TAB>peer<TAB>threads<TAB>metric<TAB>value`."""

import os
import statistics
import sys
import time

# Added to the name of every peer, for a run under other conditions (`+malloc`).
SUFFIX = os.environ.get("PEER_SUFFIX", "")


def emit(workload, peer, threads, metric, value):
    print(f"{workload}\t{peer}{SUFFIX}\t{threads}\t{metric}\t{value:.6f}", flush=True)


def note(text):
    print(f"# {text}", file=sys.stderr, flush=True)


def interleaved(variants, rounds, sample, warm_up=3):
    """Seconds per step of each variant `{name: step}`: `rounds` samples, taken in turn, each of as many steps as take
    about `sample` seconds. A variant that fails is reported and left out."""
    steps, seconds = {}, {}
    for name, step in variants.items():
        try:
            for _ in range(warm_up):
                step()
            begun = time.perf_counter()
            step()
        except Exception as error:  # noqa: BLE001 - whatever a peer cannot do is a line of the report
            note(f"{name}: {type(error).__name__}: {str(error)[:200]}")
            continue
        steps[name] = max(1, int(sample / max(time.perf_counter() - begun, 1e-7)))
        seconds[name] = []
    for _ in range(rounds):
        for name, count in steps.items():
            step = variants[name]
            begun = time.perf_counter()
            for _ in range(count):
                step()
            seconds[name].append((time.perf_counter() - begun) / count)
    return seconds


def report(workload, threads, seconds, work=None, unit=None):
    """Prints the median and the best milliseconds of each variant and, with `work` per step, the rates."""
    for name, values in seconds.items():
        median, best = statistics.median(values), min(values)
        emit(workload, name, threads, "ms", median * 1e3)
        emit(workload, name, threads, "ms_best", best * 1e3)
        if work:
            emit(workload, name, threads, unit, work / median)
            emit(workload, name, threads, f"{unit}_best", work / best)


def report_peak_memory(workload, peer, threads):
    """Prints the largest resident memory of this process so far, in MB, where the system tells it."""
    try:
        with open("/proc/self/status") as status:
            kib = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        note("this system does not tell the largest memory of a process")
        return
    emit(workload, peer, threads, "peak_MB", kib * 1024 / 1e6)
