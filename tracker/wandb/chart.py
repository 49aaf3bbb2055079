"""A chart: a table and a named way to draw it.

Names and fields of the drawings are those that W&B has for all (`wandb/line/v0` and so on); with
them in the run's config it draws the table. Anywhere else the table is there to be drawn.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tracker.errors import BadInput
from tracker.events import Json
from tracker.wandb.table import Table


class CustomChart(msgspec.Struct):
    """A table and how it is drawn. Logged under K, the table stands under `table_key(K)`."""

    table: Table
    drawing: str
    fields: dict[str, Any]
    strings: dict[str, Any]
    split: bool = False

    def table_key(self, key: str) -> str:
        """Under which key the table is logged."""
        return f"Custom Chart Tables/{key}_table" if self.split else f"{key}_table"

    def config(self, key: str) -> dict[str, Json]:
        """What the run's config says of it, below _wandb/visualize/KEY."""
        arguments = [{"name": "tableKey", "value": self.table_key(key)}]
        fields = [
            *({"name": name, "fields": []} for name in ("id", "name", "_defaultColorIndex")),
            {"name": "summaryTable", "args": arguments, "fields": []},
        ]
        runs = {"name": "runSets", "args": [{"name": "runSets", "value": "${runSets}"}]}
        return {
            "panel_type": "Vega2",
            "panel_config": {
                "panelDefId": self.drawing,
                "fieldSettings": self.fields,
                "stringSettings": self.strings,
                "transform": {"name": "tableWithLeafColNames"},
                "userQuery": {"queryFields": [{**runs, "fields": fields}]},
            },
        }


def plot_table(
    vega_spec_name: str, data_table: Table, fields: dict[str, Any],
    string_fields: dict[str, Any] | None = None, split_table: bool = False,
) -> CustomChart:  # fmt: skip
    """Draw a table by a drawing of this name.

    Raises:
        BadInput: `data_table` is no wandb.Table.
    """
    if not isinstance(data_table, Table):
        raise BadInput(f"a chart needs a wandb.Table, not {type(data_table).__name__}.")
    return CustomChart(data_table, vega_spec_name, fields, string_fields or {}, split_table)
