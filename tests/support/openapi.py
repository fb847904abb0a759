"""Holds answers against the OpenAPI document that the server itself gives."""

import functools
import json
import re
from typing import Any

import jsonschema_rs


class Contract:
    """What a server's OpenAPI document promises."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self._registry = jsonschema_rs.Registry([("urn:document", document)], draft=jsonschema_rs.Draft202012)
        self._validators: dict[str, jsonschema_rs.Draft202012Validator] = {}
        self._paths = [(_pattern(path), path) for path in document["paths"]]

    def check(self, method: str, path: str, status: int, content_type: str, body: bytes) -> None:
        """Raise AssertionError unless the document promises this answer."""
        template = next((name for pattern, name in self._paths if pattern.fullmatch(path)), None)
        methods = self.document["paths"].get(template, {})
        if template is None or method.lower() not in methods:
            assert status in (401, 403, 404, 405), f"{method} {path} is not in the document and answered {status}"
            return
        responses = methods[method.lower()]["responses"]
        assert str(status) in responses, f"{method} {template} answered {status}, the document has {list(responses)}"
        promised = responses[str(status)].get("content", {})
        if not promised:
            assert not body, f"{method} {template} {status} promises no body"
            return
        media_type = content_type.partition(";")[0]
        assert media_type in promised, f"{method} {template} {status}: {media_type}, promised {list(promised)}"
        if media_type.endswith(("/json", "+json")):
            self._validate(promised[media_type]["schema"], body)

    def _validate(self, schema: dict[str, Any], body: bytes) -> None:
        self._validator(json.dumps(schema).replace('"#/', '"urn:document#/')).validate(json.loads(body))

    def _validator(self, anchored: str) -> jsonschema_rs.Draft202012Validator:
        """The validator of a schema, which is made once: that costs more than a hundred answers."""
        if anchored not in self._validators:
            self._validators[anchored] = jsonschema_rs.Draft202012Validator(
                json.loads(anchored), registry=self._registry, validate_formats=True
            )
        return self._validators[anchored]


@functools.lru_cache(maxsize=4)
def contract_of(document: str) -> Contract:
    """The contract of an OpenAPI document; many tests have a server of their own, and all of those give the same."""
    return Contract(json.loads(document))


def _pattern(path: str) -> re.Pattern[str]:
    # `batch` in /v1/messages/batch is no id; the templates of ids match nothing with a word of the API's own.
    return re.compile(re.sub(r"{[a-z_]+}", "(?!batch$|resend$|purge$|cancel$|reschedule$|import$|export$)[^/]+", path))
