"""Random payloads that an official schema allows."""

from typing import Any

from hypothesis import strategies as st

__all__ = ["payloads"]

Schema = dict[str, Any]
Integers = st.SearchStrategy[int]
Texts = st.SearchStrategy[str]
TIMES = st.sampled_from(["2026-11-20T10:00:00Z", "2026-11-20T10:00:00.123+02:00", "2030-01-01T00:00:00Z"])


def payloads(schema: Schema, *, integers: Integers, texts: Texts) -> st.SearchStrategy[Any]:
    """Return payloads that fit ``schema``; numbers and texts from these two, where they fit."""
    return _of(schema, schema, integers, texts, 0)


def _of(schema: Schema, root: dict[str, Any], integers: Integers, texts: Texts, depth: int) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        return _of(root["definitions"][schema["$ref"].rsplit("/", 1)[1]], root, integers, texts, depth)
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema.get("type"):
        case "object":
            parts = {
                name: _of(part, root, integers, texts, depth + 1) for name, part in schema.get("properties", {}).items()
            }
            needed = set(schema.get("required", ()))
            loose = {} if depth > 3 else {name: part for name, part in parts.items() if name not in needed}
            return st.fixed_dictionaries({name: parts[name] for name in needed}, optional=loose)
        case "array":
            least = schema.get("minItems", 0)
            items = _of(schema["items"], root, integers, texts, depth + 1)
            return st.lists(items, min_size=least, max_size=max(least, min(2, schema.get("maxItems", 2))))
        case "integer":
            return _numbers(schema, integers)
        case "number":
            return _numbers(schema, integers) | st.sampled_from([0.5, 12.25]).filter(lambda n: _within(n, schema))
        case "boolean":
            return st.booleans()
        case "string":
            return _texts(schema, texts)
    return st.none() | st.integers(-9, 9) | st.text(max_size=9) | st.lists(st.integers(0, 9), max_size=2)


def _numbers(schema: Schema, integers: Integers) -> st.SearchStrategy[int]:
    low, high = int(schema.get("minimum", -(2**31))), int(schema.get("maximum", 2**31 - 1))
    return integers.filter(lambda n: _within(n, schema)) | st.integers(low, high)


def _within(number: float, schema: Schema) -> bool:
    return bool(schema.get("minimum", number) <= number <= schema.get("maximum", number))


def _texts(schema: Schema, texts: Texts) -> st.SearchStrategy[str]:
    if schema.get("format") == "date-time":
        return TIMES
    if schema.get("format") == "uri":
        return st.just("https://example.com/x")
    longest = schema.get("maxLength", 100)
    return texts.map(lambda text: text[:longest]) | st.text(max_size=min(longest, 12))
