"""What `sendoff import` makes of files: lines that keep their numbers, in pieces of a bounded size."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from sendoff_cli.imports.files import read_csv, read_ndjson
from sendoff_cli.imports.pieces import cut_pieces
from sendoff_cli.imports.qstash import QStashMessages, read_qstash
from sendoff_cli.imports.source_line import SourceLine
from sendoff_domain.errors import SendoffError
from sendoff_domain.jobs import MOST_PIECE_BYTES
from sendoff_intake.submission_reader import MESSAGE_LIMIT


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def shown(lines: Iterable[SourceLine]) -> list[tuple[int, Any]]:
    return [(number, json.loads(text)) for number, text in lines]


def test_lines_keep_their_numbers_and_get_a_customer_where_they_name_none(tmp_path: Path) -> None:
    path = written(tmp_path / "a.ndjson", '\n{"to": "a"}\r\n  \n{"customer": "acme", "n": 1.10}\nno json\n[1]')
    assert [number for number, _ in read_ndjson(path, None)] == [2, 4, 5, 6]
    texts = [text for _, text in read_ndjson(path, "other")]
    assert texts == [b'{"customer":"other","to":"a"}', b'{"customer": "acme", "n": 1.10}', b"no json", b"[1]"]


def test_a_line_without_end_is_cut_where_the_import_refuses_it(tmp_path: Path) -> None:
    path = written(tmp_path / "a.ndjson", b"x" * (3 * MESSAGE_LIMIT) + b'\n{"to": "a"}\n')
    (first, long), (second, short) = read_ndjson(path, None)
    assert (first, MESSAGE_LIMIT < len(long) <= MESSAGE_LIMIT + 2) == (1, True)
    assert (second, short) == (2, b'{"to": "a"}')


def test_columns_become_fields_and_a_record_has_the_number_of_its_first_line(tmp_path: Path) -> None:
    text = '﻿email,content,metadata.plan,delay,idempotencyKey\njane,"two\nlines",gold,,k1\n\njoe,,,2m,k2\n'
    found = shown(read_csv(written(tmp_path / "a.csv", text), {"email": "to"}, "acme"))
    assert found == [
        (
            2,
            {
                "customer": "acme",
                "to": "jane",
                "content": "two\nlines",
                "metadata": {"plan": "gold"},
                "idempotencyKey": "k1",
            },
        ),
        (5, {"customer": "acme", "to": "joe", "content": "", "delay": "2m", "idempotencyKey": "k2"}),
    ]


def test_columns_may_build_the_content(tmp_path: Path) -> None:
    text = "to,content.template,content.order,customer\njane,hello,4711,\n"
    found = shown(read_csv(written(tmp_path / "a.csv", text), {}, None))
    assert found == [(2, {"to": "jane", "content": {"template": "hello", "order": "4711"}})]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"to,contents\na,b\n", "got 'contents'"),
        (b"to,to\na,b\n", "one twice"),
        (b"", "or one twice"),
        (b"content,content.a\nx,y\n", "got 'content'"),
        (b'to,content\na,"b\n', "no CSV"),
        (b"to,content\na,\xff\n", "expected UTF-8"),
    ],
)
def test_what_is_no_such_file_is_said_before_anything_is_imported(tmp_path: Path, text: bytes, said: str) -> None:
    with pytest.raises(SendoffError, match=said):
        list(read_csv(written(tmp_path / "a.csv", text), {}, None))


def test_pieces_are_bounded_and_keep_the_numbers_of_lines() -> None:
    wanted = [SourceLine(2 * number, b"%d" % number) for number in range(1, 1_201)]
    pieces = list(cut_pieces(wanted))
    assert [items for items, _ in pieces] == [500, 500, 200]
    whole = b"".join(piece for _, piece in pieces).split(b"\n")
    assert [SourceLine(number, text) for number, text in enumerate(whole, 1) if text] == wanted
    large = list(cut_pieces(SourceLine(number, b"x" * MESSAGE_LIMIT) for number in range(1, 10)))
    assert sum(items for items, _ in large) == 9
    assert all(len(piece) < MOST_PIECE_BYTES / 2 for _, piece in large)
    assert list(cut_pieces([])) == []


MESSAGE = {
    "messageId": "msg_1",
    "url": "https://acme.example/hook",
    "method": "POST",
    "header": {"Content-Type": ["application/json"]},
    "body": '{"n":1.10}',
    "notBefore": 1_893_456_000_123,
    "createdAt": 1_790_000_000_000,
    "maxRetries": 3,
}


def test_messages_of_qstash_become_those_of_the_customer_of_their_url(tmp_path: Path) -> None:
    plain = {**MESSAGE, "messageId": "msg_2", "url": "https://b.example/", "header": None, "notBefore": 0}
    binary = {**MESSAGE, "messageId": "msg_3", "bodyBase64": "/w=="}
    schedule = {"scheduleId": "scd_1", "cron": "* * * * *", "destination": "https://b.example/"}
    nobody = {**MESSAGE, "url": "https://nobody.example/"}
    path = written(tmp_path / "q.json", json.dumps({"messages": [MESSAGE, plain, binary, schedule, nobody, 1]}))
    customers = {"https://acme.example/hook": "acme", "https://b.example/": "b"}
    source = read_qstash(QStashMessages(path=path, customers=customers))
    found = list(source.lines)
    assert b'"content":{"n":1.10}' in found[0].text
    assert shown(found) == [
        (
            1,
            {
                "customer": "acme",
                "to": "https://acme.example/hook",
                "content": {"n": 1.1},
                "reference": "msg_1",
                "idempotencyKey": "qstash-msg_1",
                "deliverAt": "2030-01-01T00:00:00.123000Z",
            },
        ),
        (
            2,
            {
                "customer": "b",
                "to": "https://b.example/",
                "content": '{"n":1.10}',
                "reference": "msg_2",
                "idempotencyKey": "qstash-msg_2",
            },
        ),
    ]
    assert sorted(source.skipped.values()) == [1, 1, 1, 1]
    assert any("there is no recurrence" in why for why in source.skipped)


@pytest.mark.parametrize("text", ["[{m}]", "{m}", "{m}\n{m}\n"])
def test_messages_of_qstash_come_in_every_form_of_a_list(tmp_path: Path, text: str) -> None:
    path = written(tmp_path / "q.json", text.replace("{m}", json.dumps(MESSAGE)))
    found = shown(read_qstash(QStashMessages(path=path, customer="acme", to="jane")).lines)
    assert {(one["customer"], one["to"]) for _, one in found} == {("acme", "jane")}


def test_a_file_that_is_none_of_qstash_is_named(tmp_path: Path) -> None:
    with pytest.raises(SendoffError, match="is no JSON"):
        list(read_qstash(QStashMessages(path=written(tmp_path / "q.json", "no json"))).lines)
