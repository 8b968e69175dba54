"""The kinds of text that the operator API takes and gives."""

from typing import Annotated

from msgspec import Meta

__all__ = ["AskedTime", "Line", "Short", "Time"]

Short = Annotated[str, Meta(max_length=50)]
Line = Annotated[str, Meta(max_length=500)]
Time = Annotated[str, Meta(description="RFC 3339, UTC")]
AskedTime = Annotated[str, Meta(max_length=40, description="RFC 3339")]
