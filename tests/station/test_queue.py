from evouch.charging.dialogue import SessionEnded, SessionStarted, SessionUpdated
from evouch.clock import Tick
from evouch.ids import TransactionId
from evouch.station.queue import UNKNOWN, Queue, Retries
from evouch.testing.clock import VECTOR_TIME

OURS = TransactionId("ours")
T0 = Tick(1000.0)
RETRIES = Retries(attempts=3, interval=60.0)


def filled(*, modern: bool) -> Queue:
    queue = Queue(modern)
    name = OURS if modern else None
    for kind in (SessionStarted, SessionUpdated, SessionEnded):
        queue.put(OURS, kind(transaction=name, at=VECTOR_TIME))
    return queue


def kinds(queue: Queue) -> list[str]:
    seen = []
    while entry := queue.head(T0):
        seen.append(type(entry.fact).__name__)
        queue.delivered()
    return seen


def test_messages_leave_in_the_order_in_which_things_happened() -> None:
    assert ["SessionStarted", "SessionUpdated", "SessionEnded"] == kinds(filled(modern=True))


def test_on_1_6_later_messages_take_the_name_that_the_backend_gave() -> None:
    queue = filled(modern=False)
    assert queue.name(OURS) is None
    queue.delivered(TransactionId("42"))
    entry = queue.head(T0)
    assert entry is not None
    assert "42" == entry.fact.transaction
    assert (TransactionId("42"), OURS) == (queue.name(OURS), queue.handle(TransactionId("42")))
    assert queue.handle(TransactionId("43")) is None


def test_2_x_transactions_are_named_by_the_station() -> None:
    queue = filled(modern=True)
    assert (OURS, OURS) == (queue.name(OURS), queue.handle(OURS))


def test_a_message_that_fails_is_sent_again_after_one_interval_then_after_two() -> None:
    queue = filled(modern=True)
    assert not queue.failed(T0, RETRIES)
    assert queue.head(Tick(T0 + 59)) is None
    assert Tick(T0 + 60) == queue.next_deadline()
    assert queue.head(Tick(T0 + 60)) is not None
    assert not queue.failed(Tick(T0 + 60), RETRIES)
    assert Tick(T0 + 180) == queue.next_deadline()


def test_nothing_overtakes_a_message_that_waits_for_its_next_attempt() -> None:
    queue = filled(modern=True)
    queue.failed(T0, RETRIES)
    queue.put(OURS, SessionUpdated(transaction=OURS, at=VECTOR_TIME))
    assert queue.head(T0) is None


def test_after_the_last_attempt_a_message_is_put_aside_and_the_next_gets_its_turn() -> None:
    queue = filled(modern=True)
    assert [False, False, True] == [queue.failed(T0, RETRIES) for _ in range(3)]
    assert [3] == [entry.tries for entry in queue.aside]
    entry = queue.head(T0)
    assert entry is not None
    assert isinstance(entry.fact, SessionUpdated)


def test_what_follows_a_1_6_start_that_was_put_aside_names_no_transaction() -> None:
    queue = filled(modern=False)
    queue.failed(T0, Retries(attempts=1))
    entry = queue.head(T0)
    assert entry is not None
    assert UNKNOWN == entry.fact.transaction


def test_an_empty_queue_waits_for_nothing() -> None:
    assert (0, None, None) == (len(Queue(True)), Queue(True).head(T0), Queue(True).next_deadline())
