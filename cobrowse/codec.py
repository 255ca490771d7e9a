"""Control messages to bytes and back, and their JSON Schema."""

from __future__ import annotations

from typing import Any, Final, TypeVar, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError

from .close_codes import CloseCode
from .fields import CAPABILITIES, Model
from .messages import (
    LOG_VERSION,
    WIRE_VERSION,
    FromBroadcaster,
    FromViewer,
    HelloBroadcaster,
    HelloViewer,
    ToBroadcaster,
    ToViewer,
)
from .records import InvalidMessage, packed

M = TypeVar("M", bound=BaseModel)


def _by_type(union: Any) -> dict[str, type[Model]]:
    return {model.model_fields["type"].default: model for model in get_args(union)}


FROM_BROADCASTER: Final = _by_type(FromBroadcaster)
FROM_VIEWER: Final = _by_type(FromViewer)
HELLOS: Final[dict[object, type[HelloBroadcaster | HelloViewer]]] = {
    "broadcaster": HelloBroadcaster,
    "viewer": HelloViewer,
}


def parse(value: dict[str, Any], known: dict[str, type[Model]]) -> Any:
    """The message in a control map; None for a type that is not in `known`: it is to be ignored.

    Raises InvalidMessage, naming the field, for a known type with bad content.
    """
    model = known.get(value["type"])
    if model is None:
        return None
    return validated(model, value)


def validated(model: type[M], value: dict[str, Any]) -> M:
    """The value as that model. Raises InvalidMessage, naming the field."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidMessage(f"{value.get('type')}: {where}: {first['msg']}") from None


def encode(message: BaseModel) -> bytes:
    """One message as MessagePack, every field of it: a field that is None is there as nil."""
    return packed(message.model_dump())


def schema() -> dict[str, Any]:
    """JSON Schema of all messages, one definition each, and of the close codes."""
    unions: dict[str, Any] = {
        "FromBroadcaster": FromBroadcaster,
        "ToBroadcaster": ToBroadcaster,
        "FromViewer": FromViewer,
        "ToViewer": ToViewer,
    }
    definitions: dict[str, Any] = {}
    for name, union in unions.items():
        adapter: TypeAdapter[Any] = TypeAdapter(union)
        part = adapter.json_schema(mode="serialization", ref_template="#/$defs/{model}")
        definitions |= part.pop("$defs")
        definitions[name] = part
    for definition in definitions.values():
        for field in definition.get("properties", {}).values():
            field.pop("title", None)
    return {
        "title": "Protocol",
        "$defs": definitions,
        "anyOf": [{"$ref": f"#/$defs/{name}"} for name in unions],
        "closeCodes": {code.name: code.value for code in CloseCode},
        "capabilities": list(CAPABILITIES),
        "versions": {"WIRE_VERSION": WIRE_VERSION, "LOG_VERSION": LOG_VERSION},
    }
