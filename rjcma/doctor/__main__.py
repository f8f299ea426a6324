"""`python -m rjcma.doctor`: works as long as Python does, whatever else is missing."""

from __future__ import annotations

from rjcma.doctor.examination import main

if __name__ == "__main__":
    main()
