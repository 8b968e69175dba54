"""OCPP 1.6J as tables: everything this version says here, in both directions.

The functions that the table names are in ``v16_facts`` and ``v16_sessions`` (what stations
say), ``v16_orders``, ``v16_settings`` and ``v16_vendor`` (what backends want).
"""

from typing import Final

from evouch.charging.dialogue import (
    AnnounceStart,
    Configure,
    CostSoFar,
    ProveIdentity,
    ReadSettings,
    SendData,
    WebPaymentFailed,
    WebPaymentStarted,
)
from evouch.ocpp import v16_facts, v16_orders, v16_settings, v16_vendor
from evouch.ocpp.extensions import autocharge, signed_challenge
from evouch.ocpp.translator import Tables

__all__ = ["TABLES"]

#: ReportSettings has no row: 1.6 has no reports, GetConfiguration without keys is the nearest thing.
TABLES: Final = Tables(
    fact=v16_facts.FACTS,
    answer=v16_facts.ANSWERS,
    say=v16_facts.SAYINGS,
    heard=v16_facts.HEARD,
    order={
        **v16_orders.ORDERS,
        AnnounceStart: v16_vendor.announce,
        Configure: v16_settings.configure,
        CostSoFar: v16_vendor.cost,
        ProveIdentity: signed_challenge.order,
        ReadSettings: v16_settings.read_settings,
        SendData: v16_vendor.send_data,
        WebPaymentFailed: v16_vendor.failed,
        WebPaymentStarted: v16_vendor.started,
    },
    outcome={
        **v16_orders.OUTCOMES,
        AnnounceStart: autocharge.outcome,
        Configure: v16_settings.outcome_configure,
        CostSoFar: v16_vendor.outcome_cost,
        ProveIdentity: signed_challenge.outcome,
        ReadSettings: v16_settings.outcome_read,
        SendData: v16_vendor.outcome_data,
        WebPaymentFailed: v16_vendor.outcome_lock,
        WebPaymentStarted: v16_vendor.outcome_lock,
    },
    told={
        **v16_orders.TOLD,
        "ChangeConfiguration": v16_settings.told_configure,
        "DataTransfer": v16_vendor.told_data,
        "GetConfiguration": v16_settings.told_read,
        signed_challenge.ACTION: signed_challenge.told,
    },
    done={
        **v16_orders.DONE,
        AnnounceStart: autocharge.done,
        Configure: v16_settings.done_configure,
        CostSoFar: v16_vendor.done_cost,
        ProveIdentity: signed_challenge.done,
        ReadSettings: v16_settings.done_read,
        SendData: v16_vendor.done_data,
        WebPaymentFailed: v16_vendor.done_lock,
        WebPaymentStarted: v16_vendor.done_lock,
    },
)
