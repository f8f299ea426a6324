"""The command `rjcma`: what a user needs besides `dvc repro`.

The families of commands are modules of `rjcma.commands`. Each command imports what it needs when it
is called, so that quick commands stay quick.
"""

from __future__ import annotations

import typer

from rjcma.command import problems_as_lines
from rjcma.commands import corpus, models, pipeline, report, study, videos

app = typer.Typer(
    help="What a user needs besides `dvc repro`.", no_args_is_help=True, add_completion=False
)
for family in (pipeline, report, study, videos):
    app.add_typer(family.app)
app.add_typer(corpus.app, name="corpus")
app.add_typer(models.app, name="models")


def main() -> None:
    """The console script."""
    with problems_as_lines():
        app()


if __name__ == "__main__":
    main()
