"""Long sound is cut so that every state is taken once, with sound around it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rjcma.encoders.chunks import CONTEXT, Grid, cut

GRIDS = st.builds(
    lambda stride, more: Grid(stride, stride + more, (stride + more - 1) / 2),
    st.integers(1, 13),
    st.integers(0, 7),
)


@given(st.integers(1, 3000), st.integers(60, 400), GRIDS)
def test_every_state_is_taken_once_in_order_and_is_within_its_chunk(samples, length, grid):
    samples = max(samples, grid.reach)
    chunks = cut(samples, length, grid)
    taken = [state for chunk in chunks for state in range(chunk.first, chunk.beyond)]
    assert taken == list(range(grid.count(samples)))
    for chunk in chunks:
        assert chunk.start % grid.stride == 0
        assert 0 <= chunk.start < chunk.stop <= samples and chunk.stop - chunk.start <= length
        for state in (chunk.first, chunk.beyond - 1) if chunk.beyond > chunk.first else ():
            assert chunk.start <= state * grid.stride
            assert state * grid.stride + grid.reach <= chunk.stop


@given(st.integers(1000, 5000), st.integers(300, 500), st.integers(1, 7))
def test_a_state_has_a_context_on_both_sides_except_at_the_ends_of_the_sound(
    samples, length, stride
):
    grid = Grid(stride, stride, 0.0)
    for chunk in cut(samples, length, grid):
        context = length // CONTEXT - 2 * stride
        if chunk.start > 0:
            assert chunk.first * stride - chunk.start >= context
        if chunk.stop < samples:
            assert chunk.stop - chunk.beyond * stride >= context


@given(st.integers(500, 4000), st.integers(1, 3000), GRIDS)
def test_longer_sound_has_the_same_chunks_but_for_its_last_two(samples, more, grid):
    before, after = (cut(n, 180, grid) for n in (samples, samples + more))
    assert before[:-2] == after[: max(len(before) - 2, 0)]


def test_short_sound_is_one_chunk():
    assert cut(400, 30 * 16_000, Grid(320, 400, 199.5)) == [(0, 400, 0, 1)]
    assert len(cut(30 * 16_000, 30 * 16_000, Grid(320, 400, 199.5))) == 1
    assert len(cut(30 * 16_000 + 1, 30 * 16_000, Grid(320, 400, 199.5))) == 2
