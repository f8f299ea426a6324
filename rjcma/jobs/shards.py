"""Shards: parts of a stage's work, done by commands that know nothing of each other.

    RJCMA_SHARD=3/8      every 8th job, from the third on
    RJCMA_SHARD=slurm    the part of this task of a Slurm job array

All shards write to the same folder, each with a ledger of its own, `.keys-3-of-8`. The one that
finishes last finds all files complete; it writes the ledger of the whole folder and removes those
of the shards. Any later run without shards does so too: what unfinished shards have made is kept.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

from rjcma.jobs.ledger import LEDGER, Ledger, Wanted
from rjcma.problem import Problem

VARIABLE = "RJCMA_SHARD"
SLURM = "SLURM_ARRAY_TASK_"

T = TypeVar("T")


class Shard(NamedTuple):
    """One part of `of` parts; `number` is from 1 to `of`."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"shard {self.number} of {self.of}"

    @property
    def ledger(self) -> str:
        """The name of its ledger's file."""
        return f"{LEDGER}-{self.number}-of-{self.of}"

    def part(self, items: Sequence[T]) -> Sequence[T]:
        """Its part of the items; each item is in the part of one shard.

        >>> Shard(2, 3).part("abcdefg")
        'be'
        """
        return items[self.number - 1 :: self.of]


def chosen() -> Shard | None:
    """The shard that RJCMA_SHARD names; None if it is unset, and everything is done here.

    Raises `Problem` if it names none.
    """
    value = os.environ.get(VARIABLE, "")
    if not value:
        return None
    number, _, count = (_of_slurm() if value == "slurm" else value).partition("/")
    if number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count):
        return Shard(int(number), int(count))
    raise Problem(
        file=VARIABLE,
        found=f"{value}, which is {number}/{count} here" if value == "slurm" else repr(value),
        expected="a shard and their number, from 1/8 to 8/8 for eight; or slurm, in a task of a"
        " job array",
        cure="correct it, or unset it to do everything here",
    )


def _of_slurm() -> str:
    """This task's place in its array, whose numbers may start and step as they like."""
    names = ("ID", "MIN", "STEP", "COUNT")
    values = [os.environ.get(SLURM + name, "") for name in names]
    if not all(value.isdecimal() for value in values) or int(values[2]) == 0:
        return "/"
    task, first, step, count = map(int, values)
    return f"{(task - first) // step + 1}/{count}"


def ledger(folder: Path, wanted: Mapping[str, Wanted], shard: Shard | None) -> Ledger:
    """The ledger that a run writes to, with what other ledgers of the folder know of its files."""
    own, others = _gathered(folder, wanted, shard)
    if others:
        own.write()  # before the others are removed
    return own


def _gathered(
    folder: Path, wanted: Mapping[str, Wanted], shard: Shard | None
) -> tuple[Ledger, list[Path]]:
    """A run's own ledger, with what others of the folder know of its files, and these others."""
    own = Ledger(folder, shard.ledger if shard else LEDGER)
    others = [path for path in sorted(folder.glob(f"{LEDGER}*")) if path != own.path]
    for path in others:
        own.absorb(Ledger(folder, path.name), wanted)
    return own, others


def merged(folder: Path, wanted: Mapping[str, Wanted], shard: Shard) -> Ledger | None:
    """The ledger of the whole folder, written; None if other shards are not finished.

    Of two shards that finish at once each may write it: it is the same, and replaced as a whole.
    """
    whole, _ = _gathered(folder, wanted, shard)
    if whole.lacks(wanted):
        return None
    whole.keep(wanted)
    whole.write()
    with suppress(FileNotFoundError):  # the other one has removed it, after writing the whole
        whole.path.replace(folder / LEDGER)
    return whole
