"""`python -m bench`: measures what the targets name, prints it, and writes it as JSON."""

import argparse
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from bench.accept import measure_accept
from bench.accounting import Strangers
from bench.admin import measure_admin
from bench.deliver import measure_deliver
from bench.events import measure_events
from bench.fairness import measure_fairness
from bench.flat import measure_flat
from bench.idle import measure_idle
from bench.ingest import measure_ingest
from bench.isolation import measure_isolation
from bench.lateness import measure_lateness
from bench.metrics import measure_metrics
from bench.recovery import measure_recovery
from bench.report import document, missed, show, write_json
from bench.scale import FULL, QUICK, Scale
from bench.series import Figures, Series, one
from bench.stop import measure_stop
from bench.surroundings import Surroundings, surroundings
from bench.wide import measure_wide

FIGURES: dict[str, Callable[[Surroundings], Figures]] = {
    "deliver": measure_deliver,
    "lateness": measure_lateness,
    "isolation": measure_isolation,
    "accept": measure_accept,
    "ingest": measure_ingest,
    "fairness": measure_fairness,
    "events": measure_events,
    "metrics": measure_metrics,
    "stop": measure_stop,
    "idle": measure_idle,
    "flat": measure_flat,
    "wide": measure_wide,
    "recovery": measure_recovery,
    "admin": measure_admin,
}
#: These take minutes of their own and are measured when they are asked for.
LONG = ("fairness", "events", "metrics", "flat", "wide", "recovery", "admin")
_SHORT = [name for name in FIGURES if name not in LONG]
_FULL_STOCK = (10_000_000, 100_000_000)
_RESULTS = Path(__file__).parent / "results"


def main() -> int:
    """Measure what was asked for; returns 0, or with --strict 1 when a target is missed."""
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that everything that was started ends
    began = time.monotonic()
    figures: Figures = {}
    machine: dict[str, Series] = {}
    with surroundings(_scale(options)) as around:
        for name in options.only:
            sys.stderr.write(f"{time.monotonic() - began:5.0f} s  {name}\n")
            strangers = Strangers()
            figures |= FIGURES[name](around)
            machine[f"others during {name}"] = one("%", strangers.share())
    figures["machine"] = machine
    seconds = time.monotonic() - began
    show(figures)
    write_json(options.json, document(figures, seconds))
    sys.stderr.write(f"{seconds:5.0f} s  written to {options.json}\n")
    return 1 if options.strict and missed(figures) else 0


def _scale(options: argparse.Namespace) -> Scale:
    scale = QUICK if options.quick else FULL
    return scale if options.stock is None else replace(scale, stock=options.stock)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--only", type=_chosen, default=_SHORT, help=f"some of {','.join(FIGURES)}")
    parser.add_argument("--all", action="store_const", dest="only", const=list(FIGURES), help="the long ones as well")
    parser.add_argument("--stock", type=_stock, metavar="DUE,DELIVERED", help="rows for flat")
    parser.add_argument("--full", action="store_const", dest="stock", const=_FULL_STOCK, help="10 and 100 million rows")
    parser.add_argument("--json", type=Path, default=_RESULTS / time.strftime("%Y%m%d-%H%M%S.json"), help="result file")
    parser.add_argument("--quick", action="store_true", help="tiny numbers: only to see that everything works")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a target is missed")
    return parser


def _chosen(text: str) -> list[str]:
    names = text.split(",")
    if unknown := set(names) - set(FIGURES):
        raise argparse.ArgumentTypeError(f"expected some of {','.join(FIGURES)}, got {','.join(sorted(unknown))}")
    return names


def _stock(text: str) -> tuple[int, int]:
    due, delivered = text.split(",")
    return int(due), int(delivered)


if __name__ == "__main__":
    sys.exit(main())
