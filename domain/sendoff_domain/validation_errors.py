"""From pydantic's errors to one sentence each that says what was expected, and to the field where it was."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails, InitErrorDetails

from sendoff_domain.json_pointer import format_pointer
from sendoff_domain.texts import WORDS_OF_PATTERNS

Location = Iterable[int | str]
#: So many mistakes of one document are listed; a count tells of the others.
MOST_ERRORS = 50
#: So many unknown names get a guess at what was meant, and only such short ones.
_MOST_GUESSES, _LONGEST_GUESSED = 5, 64
#: The code of the last entry of a list that is not complete.
_NOT_LISTED = "not_listed"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One mistake and its place: a JSON pointer into the document, or `?name` for the query."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    pointer: str
    detail: str
    code: str | None = None

    def document(self) -> dict[str, str]:
        """The form in which it is shown."""
        shown = {"pointer": self.pointer, "detail": self.detail}
        return shown if self.code is None else {**shown, "code": self.code}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words of one kind of document: of what is unknown, of what is known instead, and sentences by error type.

    A sentence may use the context that pydantic gives to that type of error, such as `{min_length}`.
    """

    unknown: str
    known: str
    by_type: Mapping[str, str]


_JSON = Vocabulary(
    unknown="is not known",
    known="known are",
    by_type={"missing": "is required", "model_type": "expected a JSON object"},
)


def summarize(errors: Sequence[FieldError]) -> str:
    """One sentence for all of them: the first, and how many more there are."""
    first = errors[0]
    count = "many" if errors[-1].code == _NOT_LISTED else len(errors) - 1
    rest = f" (and {count} more)" if len(errors) > 1 else ""
    return f"{first.pointer or 'the body'}: {first.detail}{rest}"


def field_errors(model: type[BaseModel], error: ValidationError) -> list[FieldError]:
    """What is wrong with a JSON document, field by field: at most MOST_ERRORS, then how many more there are."""
    found = error.errors(include_url=False, include_input=False)
    listed = [
        FieldError(format_pointer(each["loc"]), explain_error(model, each, _JSON, guess=index < _MOST_GUESSES))
        for index, each in enumerate(found[:MOST_ERRORS])
    ]
    left = len(found) - len(listed)
    return [*listed, FieldError("", f"{left} more mistakes are not listed", _NOT_LISTED)] if left else listed


def explain_error(model: type[BaseModel], error: ErrorDetails, words: Vocabulary, *, guess: bool = True) -> str:
    """What was expected of the field, in the words of that kind of document; `guess` at what an unknown name means."""
    if error["type"] == "extra_forbidden":
        return words.unknown + (_suggestion(model, error["loc"], words) if guess else "")
    sentence = words.by_type.get(error["type"])
    if sentence is not None:
        context: dict[str, Any] = error.get("ctx", {})
        return sentence.format(**context)
    if error["type"] == "string_pattern_mismatch":
        pattern = error["ctx"]["pattern"]
        return WORDS_OF_PATTERNS.get(pattern, f"expected the form {pattern}")
    text = error["msg"].removeprefix("Value error, ").replace("Input should be ", "expected ")
    _, is_length, length = text.partition(" should have ")
    if is_length:
        return "expected " + length.replace(" after validation", "")
    return text if text.startswith("expected") else text[:1].lower() + text[1:]


def model_at(model: type[BaseModel], location: Location) -> type[BaseModel]:
    """The innermost model on the way to a place; it goes through lists, and through what may be absent."""
    for part in location:
        field = next((one for name, one in model.model_fields.items() if part in (name, one.alias)), None)
        choices = (get_args(field.annotation) or (field.annotation,)) if field else ()
        model = next((one for one in choices if isinstance(one, type) and issubclass(one, BaseModel)), model)
    return model


def field_types(model: type[BaseModel]) -> dict[str, Any]:
    """The types of a model's fields by the names that documents use."""
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _suggestion(model: type[BaseModel], location: tuple[int | str, ...], words: Vocabulary) -> str:
    known = list(field_types(model_at(model, location[:-1])))
    name = str(location[-1])
    close = difflib.get_close_matches(name, known, n=1) if len(name) <= _LONGEST_GUESSED else []
    if close:
        return f"; did you mean {close[0]}?"
    return f"; {words.known} {', '.join(known)}" if known else "; none is known here"


def mistake_at(where: tuple[str, ...], given: str | None, error: ValueError) -> ValidationError:
    """What a validator of a whole document raises to name the part; a plain ValueError would name the whole."""
    details = InitErrorDetails(type="value_error", loc=where, input=given, ctx={"error": error})
    return ValidationError.from_exception_data("document", [details])
