"""Downloads from a server that does what servers do when they are broken, busy or hostile."""

from __future__ import annotations

import random
import time

import hostile_server
import pytest
from hostile_server import answer, cut, dripping, moved, serve, silent, stalled, whole
from hypothesis import given, settings
from hypothesis import strategies as st

from rjcma.models.transfer import Absent, download, note_of
from rjcma.problem import Problem

FILE = random.Random(1).randbytes(5003)


@pytest.fixture
def got(server, limits, tmp_path):
    """Download /file -> its content; `got.told` is what progress was told."""
    part = tmp_path / ".file.partial"

    def get(size=None, most=10**6, path="/file", **changed):
        get.joined = download(
            server.url + path, part, size, get.told.append_pair, limits._replace(**changed), most
        )
        return part.read_bytes()

    class Told(list):
        def append_pair(self, have, total):
            self.append((have, total))

    get.told, get.part = Told(), part
    server.files["/file"] = FILE
    return get


def one_line(problem) -> str:
    text = str(problem.value)
    assert "\n" not in text
    return text


def test_a_file_comes_whole_and_progress_ends_with_all_of_it(got, server):
    assert got() == FILE and not got.joined
    assert got.told[-1] == (len(FILE), len(FILE))
    assert [have for have, _ in got.told] == sorted(have for have, _ in got.told)
    assert server.asked[0][1]["Accept-Encoding"] == "identity"


def test_a_download_that_was_cut_off_goes_on_where_it_stopped(got, server):
    server.odd["/file"] = [cut(FILE, 2000), cut(FILE, 1000)]
    assert got() == FILE and got.joined
    assert server.ranges() == [None, "bytes=2000-", "bytes=3000-"]


def test_what_one_call_has_got_the_next_call_goes_on_with(got, server):
    server.odd["/file"] = [cut(FILE, 700)] + [answer(500)] * 2
    with pytest.raises(Problem) as problem:
        got()
    assert "answer 500 (tried 3 times)" in one_line(problem)
    assert "after the 700 bytes that are here" in one_line(problem)
    assert got.part.read_bytes() == FILE[:700]
    assert got() == FILE
    assert server.ranges()[-1] == "bytes=700-"


def test_a_server_that_knows_no_ranges_sends_all_again(got, server):
    server.odd["/file"] = [cut(FILE, 2000), whole(FILE)]
    assert got() == FILE


def test_a_part_without_anything_that_identifies_its_version_is_not_gone_on_with(got, server):
    def unnamed(handler):
        hostile_server.head(handler, 200, {"Content-Length": len(FILE)})
        handler.wfile.write(FILE[:2000])

    server.odd["/file"] = [unnamed]
    assert got() == FILE
    assert server.ranges() == [None, None]


def test_a_file_that_changes_between_two_parts_is_fetched_anew(got, server):
    changed = bytes(reversed(FILE))
    server.odd["/file"] = [cut(FILE, 2000)]
    server.files["/file"] = changed
    assert got() == changed


def test_a_part_of_another_version_is_noticed_though_the_server_claims_to_go_on(got, server):
    changed = bytes(reversed(FILE))
    server.odd["/file"] = [cut(FILE, 2000), cut(changed, 9999)]  # which ignores If-Range
    server.files["/file"] = changed
    assert got() == changed


def test_a_part_of_a_file_that_has_become_shorter_is_thrown_away(got, server):
    server.odd["/file"] = [cut(FILE, 2000), answer(416)]
    server.files["/file"] = FILE[:100]
    assert got() == FILE[:100]


def test_a_complete_part_is_not_fetched_again(got, server):
    got()
    assert got() == FILE
    assert len(server.asked) == 1


def test_redirects_are_followed(got, server):
    server.odd["/there"] = moved("/elsewhere")
    server.odd["/elsewhere"] = moved(server.url + "/file", 307)
    assert got(path="/there") == FILE


def test_a_redirect_opens_a_connection_of_its_own(got, server):
    """One that is left open may be closed by the server just when it is used again."""
    places = []

    def to_the_file(handler):
        places.append(handler.client_address)
        handler.close_connection = False
        moved("/elsewhere")(handler)

    def the_file(handler):
        places.append(handler.client_address)
        serve(handler, FILE)

    server.odd["/there"], server.odd["/elsewhere"] = to_the_file, the_file
    assert got(path="/there") == FILE
    assert len(set(places)) == 2


@pytest.mark.parametrize(
    "place, told",
    [
        ("/file", "more than 3 redirects"),
        ("file:///etc/passwd", "a redirect from http to file"),
        ("ftp://127.0.0.1/file", "a redirect from http to ftp"),
        ("http://[broken/", "tried 3 times"),
    ],
)
def test_redirects_that_loop_or_lead_out_of_the_web_are_refused(got, server, place, told):
    server.odd["/file"] = moved(place)
    with pytest.raises(Problem) as problem:
        got()
    assert told in one_line(problem)
    assert not got.part.exists()


def test_a_secure_address_never_leads_to_one_that_is_not():
    from rjcma.models.flow import _redirected

    assert _redirected("", "https://a/x", "/y") == "https://a/y"
    assert _redirected("", "http://a/x", "https://b/y") == "https://b/y"
    with pytest.raises(Problem) as problem:
        _redirected("https://a/x", "https://a/x", "http://a/y")
    assert "from https to http" in one_line(problem)


@pytest.mark.parametrize("status", [401, 403, 404, 410, 451])
def test_a_refusal_is_told_at_once(got, server, status):
    server.odd["/file"] = answer(status)
    with pytest.raises(Problem) as problem:
        got()
    assert f"answer {status}" in one_line(problem) and "RJCMA_MODELS" in one_line(problem)
    assert len(server.asked) == 1
    assert isinstance(problem.value, Absent) == (status in (404, 410))


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again_when_it_says(got, server, status):
    server.odd["/file"] = [answer(status, Retry_After=1)]
    began = time.monotonic()
    assert got() == FILE
    assert time.monotonic() - began >= 1


@pytest.mark.parametrize("asked", ["3600", "Fri, 31 Dec 2199 23:59:59 GMT"])
def test_a_server_that_wants_us_to_wait_for_long_is_a_problem(got, server, asked):
    server.odd["/file"] = answer(503, Retry_After=asked)
    with pytest.raises(Problem) as problem:
        got()
    assert "the server asks to wait" in one_line(problem)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "odd, told",
    [
        (silent, "no answer within 1 seconds"),
        (dripping(b"x" * 1000, 0.05, in_header=True), "no answer within 1 seconds"),
        (stalled(FILE, 50), "bytes in 0.5 seconds"),
        (dripping(FILE, 0.05), "bytes in 0.5 seconds"),
    ],
    ids=["silent", "a slow header", "stalled", "a slow drip"],
)
def test_a_server_that_holds_us_up_is_left(got, server, odd, told):
    server.odd["/file"] = odd
    began = time.monotonic()
    with pytest.raises(Problem) as problem:
        got(tries=1, reply=1.0, pace_seconds=0.5)
    assert told in one_line(problem)
    assert time.monotonic() - began < 30  # the server would hold us up for longer


def test_a_stalled_download_goes_on_with_another_connection(got, server):
    server.odd["/file"] = [stalled(FILE, 3000)]
    assert got() == FILE
    assert server.ranges() == [None, "bytes=3000-"]


def test_a_server_that_cannot_be_reached_is_a_line(limits, tmp_path):
    with pytest.raises(Problem) as problem:
        download("http://127.0.0.1:9/file", tmp_path / "part", None, print, limits)
    assert "no way to the server" in one_line(problem) and "refused" in one_line(problem)
    assert "tried 3 times" in one_line(problem)


def test_an_address_without_a_server_is_given_up_sooner_than_a_download(got, limits, tmp_path):
    with pytest.raises(Problem) as problem:
        download(
            "https://no-such-host.invalid/file",
            tmp_path / "other",
            None,
            print,
            limits._replace(tries=9, knocks=2),
        )
    assert "tried 2 times" in one_line(problem)


@pytest.mark.parametrize("length, told", [(10**7, "at most 1,000,000 bytes"), (4000, "5,003")])
def test_a_wrong_length_is_refused_before_anything_is_written(got, server, length, told):
    server.odd["/file"] = answer(200, Content_Length=length)
    with pytest.raises(Problem) as problem:
        got(size=len(FILE) if length < 10**6 else None)
    assert told in one_line(problem)
    assert not got.part.exists()


def test_a_length_that_is_too_long_is_an_end_too_early(got, server):
    server.odd["/file"] = whole(FILE, ETag='"x"', Content_Length=len(FILE) + 1)
    with pytest.raises(Problem) as problem:
        got(tries=2)
    assert "tried 2 times" in one_line(problem)


@pytest.mark.parametrize("length", ["9" * 5000, "-5", "many", "\u00b2", ""])
def test_a_length_that_is_none_is_no_harm(got, server, length):
    def give(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: " + length.encode("latin-1"))
        handler.wfile.write(b"\r\n\r\n" + FILE)

    server.odd["/file"] = give
    try:
        assert got(size=len(FILE)) == FILE
    except Problem as problem:
        assert "\n" not in str(problem)


def test_an_answer_that_is_not_http_is_a_line(got, server):
    server.odd["/file"] = lambda handler: handler.wfile.write(b"SSH-2.0-OpenSSH\r\n" * 9)
    with pytest.raises(Problem) as problem:
        got()
    assert "no way to the server" in one_line(problem)


def test_content_without_a_length_and_without_an_end_is_bounded(got, server):
    def endless(handler):
        hostile_server.head(handler, 200, {"Connection": "close"})
        while not handler.leaving.is_set():
            handler.wfile.write(bytes(10_000))

    server.odd["/file"] = endless
    with pytest.raises(Problem) as problem:
        got(most=50_000)
    assert "more than 50,000 bytes" in one_line(problem)


def test_packed_content_is_refused(got, server):
    server.odd["/file"] = whole(FILE, Content_Encoding="gzip")
    with pytest.raises(Problem) as problem:
        got()
    assert "encoding gzip" in one_line(problem)


@pytest.mark.parametrize("note", [b"", b"[]", b'{"url": 3}', b"\xff", b'{"url": "x", "total": []}'])
def test_a_damaged_note_means_from_the_beginning(got, server, note):
    got.part.write_bytes(b"something else")
    note_of(got.part).write_bytes(note)
    assert got() == FILE


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 1500), max_size=4))
def test_however_a_download_is_cut_the_file_is_the_same(tmp_path_factory, cuts):
    from rjcma.models.flow import Limits

    part = tmp_path_factory.mktemp("cuts") / "part"
    with hostile_server.serving() as server:
        server.files["/file"] = FILE
        server.odd["/file"] = [cut(FILE, after) for after in cuts]
        download(server.url + "/file", part, None, lambda *_: None, Limits(pause=0.0))
    assert part.read_bytes() == FILE
