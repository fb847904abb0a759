"""The AsyncAPI document: as AsyncAPI 3 has it, complete, and with examples that are what is published."""

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from sendoff_domain.control import Action, Command, parse_command
from sendoff_domain.event_types import EVENT_TYPES, EventKind
from sendoff_domain.events import event_subject
from sendoff_http.operations.channels import describe_streams
from sendoff_intake.submission import Reason, Submission
from sendoff_intake.submission_reader import SubmissionReader
from support.asyncapi import RULES, StreamContract, resolve

#: Words of later drafts, which mean nothing in the schemas that AsyncAPI 3 has by default (draft 7).
LATER = {"$defs", "prefixItems", "dependentRequired", "dependentSchemas", "unevaluatedProperties", "minContains"}


@pytest.fixture(scope="module")
def contract() -> StreamContract:
    return StreamContract("sendoff")


@pytest.fixture(scope="module")
def document(contract: StreamContract) -> dict[str, Any]:
    return contract.document


def objects_in(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from objects_in(each)


def test_the_document_keeps_the_rules_of_asyncapi_3(document: dict[str, Any]) -> None:
    errors = [
        f"{error.instance_path}: {error.message}"
        for error in jsonschema_rs.Draft7Validator(RULES).iter_errors(document)
    ]
    assert errors == []


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    references = {one["$ref"] for one in objects_in(document) if isinstance(one.get("$ref"), str)}
    assert len(references) > len(EventKind)
    for reference in references:
        resolve(document, reference)


def test_every_parameter_is_in_the_address_and_the_other_way_round(document: dict[str, Any]) -> None:
    for name, channel in document["channels"].items():
        assert set(re.findall(r"{(\w+)}", channel["address"] or "")) == set(channel.get("parameters", {})), name


def test_an_operation_takes_messages_of_its_own_channel_alone(document: dict[str, Any]) -> None:
    for operation in document["operations"].values():
        for part in (operation, operation.get("reply")):
            if part is not None:
                channel = part["channel"]["$ref"]
                assert channel.startswith("#/channels/")
                assert all(one["$ref"].startswith(f"{channel}/messages/") for one in part["messages"])


def test_every_channel_has_an_operation_or_is_that_of_a_reply(document: dict[str, Any]) -> None:
    used = [
        part["channel"]["$ref"] for one in document["operations"].values() for part in (one, one.get("reply")) if part
    ]
    assert {f"#/channels/{name}" for name in document["channels"]} == set(used)


def test_every_schema_is_one_of_draft_7(document: dict[str, Any]) -> None:
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": "http://json-schema.org/draft-07/schema#", **schema})
        assert not LATER & {word for one in objects_in(schema) for word in one}


def test_every_pattern_is_one_that_other_languages_read(document: dict[str, Any]) -> None:
    patterns = [one["pattern"] for one in objects_in(document) if isinstance(one.get("pattern"), str)]
    assert patterns
    assert [pattern for pattern in patterns if "\\A" in pattern or "\\Z" in pattern] == []


def test_every_event_type_has_a_channel_on_its_subject(document: dict[str, Any]) -> None:
    for kind in EventKind:
        channel = document["channels"][kind]
        assert channel["address"] == event_subject("sendoff", kind, "{customer}")
        assert document["operations"][kind]["action"] == "send"
        (narrowed,) = [one for one in document["components"]["messages"][kind]["payload"]["allOf"] if "$ref" not in one]
        assert narrowed["properties"]["type"] == {"const": EVENT_TYPES[kind].name}


def test_an_event_of_one_type_is_none_of_another(contract: StreamContract) -> None:
    messages = contract.document["components"]["messages"]
    sent = messages["sent"]["examples"][0]["payload"]
    with pytest.raises(AssertionError):
        contract.check_part("retry", "payload", sent)
    with pytest.raises(AssertionError):
        contract.check_part("sent", "payload", {**sent, "data": {**sent["data"], "answer": "secret"}})


def test_every_message_has_an_example_that_is_one(contract: StreamContract) -> None:
    for name, message in contract.document["components"]["messages"].items():
        assert message["examples"]
        for example in message["examples"]:
            for part in {"payload", "headers"} & set(example):
                contract.check_part(name, part, example[part])


def test_the_examples_that_sendoff_receives_are_taken(document: dict[str, Any]) -> None:
    messages = document["components"]["messages"]
    for example in messages["ingest"]["examples"]:
        read = SubmissionReader(lambda: 0.0).read(json.dumps(example["payload"]).encode())
        assert isinstance(read, Submission)
    for action in Action:
        for example in messages[f"control.{action}"]["examples"]:
            assert isinstance(parse_command(json.dumps(example["payload"]).encode(), action), Command)


def test_the_reasons_of_rejections_are_codes_of_the_api(document: dict[str, Any]) -> None:
    reasons = set(document["components"]["schemas"]["Rejection"]["properties"]["reason"]["enum"])
    assert reasons == {*Reason} - {Reason.BACKLOG_FULL} | {"refused_by_database"}


def test_the_document_has_the_prefix_of_the_fleet() -> None:
    channels = describe_streams("other")["channels"].values()
    assert {channel["address"].split(".")[0] for channel in channels if channel["address"]} == {"other"}
