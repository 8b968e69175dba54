"""OCPP 2.0.1 and 2.1 as tables: everything these versions say here, in both directions.

One family: the messages are the same but for what 2.1 added. The functions that the tables
name are in ``v2_facts`` (what stations say), ``v2_orders``, ``v2_settings`` and
``v2_vendor`` (what backends want).
"""

from dataclasses import replace
from typing import Final

from evouch.charging.dialogue import (
    AnnounceStart,
    Configure,
    ProveIdentity,
    ReadSettings,
    SendData,
    WebPaymentFailed,
    WebPaymentStarted,
)
from evouch.ocpp import v2_facts, v2_orders, v2_settings, v2_vendor
from evouch.ocpp.extensions import autocharge, signed_challenge, web_payment
from evouch.ocpp.translator import Tables

__all__ = ["TABLES_21", "TABLES_201"]

TABLES_201: Final = Tables(
    fact=v2_facts.FACTS,
    answer=v2_facts.ANSWERS,
    say=v2_facts.SAYINGS,
    heard=v2_facts.HEARD,
    order={
        **v2_orders.ORDERS,
        AnnounceStart: v2_vendor.announce,
        Configure: v2_settings.configure,
        ProveIdentity: signed_challenge.order,
        ReadSettings: v2_settings.read_settings,
        SendData: v2_vendor.send_data,
        WebPaymentFailed: v2_vendor.failed,
        WebPaymentStarted: v2_vendor.started,
    },
    outcome={
        **v2_orders.OUTCOMES,
        AnnounceStart: autocharge.outcome,
        Configure: v2_settings.outcome_configure,
        ProveIdentity: signed_challenge.outcome,
        ReadSettings: v2_settings.outcome_read,
        SendData: v2_vendor.outcome_data,
        WebPaymentFailed: v2_vendor.outcome_lock,
        WebPaymentStarted: v2_vendor.outcome_lock,
    },
    told={
        **v2_orders.TOLD,
        "DataTransfer": v2_vendor.told_data,
        "GetVariables": v2_settings.told_read,
        "SetVariables": v2_settings.told_configure,
        signed_challenge.ACTION: signed_challenge.told,
    },
    done={
        **v2_orders.DONE,
        AnnounceStart: autocharge.done,
        Configure: v2_settings.done_configure,
        ProveIdentity: signed_challenge.done,
        ReadSettings: v2_settings.done_read,
        SendData: v2_vendor.done_data,
        WebPaymentFailed: v2_vendor.done_failed,
        WebPaymentStarted: v2_vendor.done_started,
    },
)

TABLES_21: Final = replace(
    TABLES_201,
    fact=v2_facts.FACTS_21,
    told={**TABLES_201.told, web_payment.STARTED: v2_vendor.told_started},
)
