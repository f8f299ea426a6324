"""The console script `rjcma`: `rjcma doctor` must work when packages are missing or broken."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command; for `doctor`, import nothing but Python's own library."""
    if sys.argv[1:2] == ["doctor"]:
        from rjcma.doctor.examination import main as doctor

        doctor(sys.argv[2:])
    try:
        from rjcma.cli import main as command
    except Exception as error:  # a package that is broken may raise anything
        sys.exit(f"problem: {error}: run `rjcma doctor`, which says what to do")
    command()


if __name__ == "__main__":
    main()
