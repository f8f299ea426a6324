"""`rjcma corpus`: a first clip list and params file for a corpus of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Begin with a corpus of your own.", no_args_is_help=True)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="The corpus: videos and annotations.")],
    out: Annotated[
        Path | None, typer.Option(help="The params file; else params/<the folder's name>.yaml.")
    ] = None,
    base: Annotated[
        Path, typer.Option(help="The params file for all that the corpus does not decide.")
    ] = Path("params.yaml"),
) -> None:
    """Write a first clip list into FOLDER, and a first params file, for you to correct.

    Says what is in the folder, what was guessed, and what to check. Replaces no file.
    """
    from rjcma.corpus import first_list

    name = folder.resolve().name
    for line in first_list.init(folder, out or Path("params") / f"{name}.yaml", base):
        print(line)
