"""Holds answers against the OpenAPI document that the server itself gives."""

import json
import re
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # the package ships no types
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012


class Contract:
    """What a server's OpenAPI document promises."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        resource = Resource.from_contents(document, default_specification=DRAFT202012)
        self._registry: Registry[Any] = Registry().with_resource("urn:document", resource)
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
        anchored = json.loads(json.dumps(schema).replace('"#/', '"urn:document#/'))
        validator = Draft202012Validator(
            anchored, registry=self._registry, format_checker=Draft202012Validator.FORMAT_CHECKER
        )
        validator.validate(json.loads(body))


def _pattern(path: str) -> re.Pattern[str]:
    # `batch` in /v1/messages/batch is no id; the templates of ids match nothing with a word of the API's own.
    return re.compile(re.sub(r"{[a-z_]+}", "(?!batch$|resend$|purge$|cancel$|reschedule$|import$|export$)[^/]+", path))
