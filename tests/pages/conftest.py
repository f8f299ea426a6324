"""One browser for all tests of a file."""

import chromium
import pytest


@pytest.fixture(scope="module")
def browser():
    with chromium.browsing() as opened:
        yield opened
