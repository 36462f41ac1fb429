"""JSON Schemas that are compiled once: Powertools' `validate` compiles its schema at each call (``make where``)."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import fastjsonschema
from aws_lambda_powertools.utilities.validation import validate


class Schema:
    """A JSON Schema (draft 7).

    Attributes:
        definition: the schema as it is published.
    """

    def __init__(self, definition: dict[str, Any]) -> None:
        self.definition = definition

    def check(self, value: Any) -> None:
        """Check `value` with what Powertools' `validate` compiles; what fails, Powertools looks at again and tells why.

        Raises:
            SchemaValidationError: it does not keep to the schema.
        """
        try:
            self._compiled(value)
        except fastjsonschema.JsonSchemaException:
            validate(event=value, schema=self.definition)

    @cached_property
    def _compiled(self) -> Callable[[Any], Any]:
        compiled: Callable[[Any], Any] = fastjsonschema.compile(
            self.definition, use_default=False, use_formats=False, detailed_exceptions=False
        )
        return compiled
