"""The thread of a delivery stream: sleeps until something is due, flushes and ends when told to."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from ministack.core.responses import request_scope

from localaws.firehose.delivery import Delivery
from localaws.firehose.kinesis_source import KinesisSource
from localaws.firehose.object_writer import Identity, Settings, Surroundings

_log = logging.getLogger(__name__)

# Waits are bounded, so that a clock that was set back does not hold up a delivery for long.
_LONGEST_WAIT_SECONDS: Final = 5.0


class DeliveryThread:
    """Runs a delivery stream in the account and region it belongs to.

    Args:
        identity, settings, surroundings, source: of the stream, see `Delivery`.
    """

    def __init__(
        self,
        identity: Identity,
        settings: Settings,
        surroundings: Surroundings,
        source: KinesisSource | None = None,
    ) -> None:
        self.delivery = Delivery(
            identity, settings, surroundings, source, wake=self._wake, pause=self._pause
        )
        self._clock: Callable[[], float] = surroundings.clock
        self._changed = threading.Condition()
        self._flush_asked = 0
        self._flush_done = 0
        self._woken = False
        self._ending = False
        self._give_up_at: float | None = None
        self._thread = threading.Thread(target=self._run, name=f"firehose-{identity.name}")
        self._thread.daemon = True
        self._thread.start()

    def ask_flush(self) -> int:
        """Ask for everything that is there now to be delivered; gives what to wait for."""
        with self._changed:
            self._flush_asked += 1
            self._changed.notify_all()
            return self._flush_asked

    def flushed(self, asked: int, seconds: float) -> bool:
        """Wait until it is; False when that takes longer, and goes on."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._flush_done >= asked or not self._thread.is_alive(), seconds
            )
            return self._flush_done >= asked

    def end(self, give_up_seconds: float, *, read_source: bool) -> None:
        """Deliver what is there and end; does not wait.

        Args:
            give_up_seconds: after which nothing that failed is tried again.
            read_source: whether to read what the source has by now.
        """
        self.delivery.close(read_source=read_source)
        with self._changed:
            self._ending = True
            self._give_up_at = time.monotonic() + give_up_seconds
            self._changed.notify_all()

    def join(self, seconds: float) -> None:
        """Wait for the end, at most so long."""
        self._thread.join(seconds)
        if self._thread.is_alive():
            self._report()

    def _wake(self) -> None:
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def _pause(self, seconds: float) -> bool:
        """Wait in the delivery thread; False when it is time to give up."""
        until = time.monotonic() + seconds
        with self._changed:
            while (left := until - time.monotonic()) > 0:
                if self._give_up_at is not None and until > self._give_up_at:
                    return False
                self._changed.wait(left)
        return True

    def _run(self) -> None:
        identity = self.delivery.identity
        try:
            with request_scope(identity.account, identity.region):
                while not self._ending:
                    self._deliver_next()
                self.delivery.deliver_all()
        finally:
            # Also after a defect, which threading prints: who puts or waits has to know.
            self.delivery.close(read_source=False)
            with self._changed:
                self._changed.notify_all()
            self._report()

    def _report(self) -> None:
        counts = self.delivery.counts
        lost = counts.buffered + counts.undelivered
        if lost:
            name = self.delivery.identity.name
            _log.warning("delivery stream %s ended with %d records undelivered", name, lost)

    def _deliver_next(self) -> None:
        with self._changed:
            due = self.delivery.due_at()
            if self._flush_asked == self._flush_done and not self._ending and not self._woken:
                wait = _LONGEST_WAIT_SECONDS if due is None else due - self._clock()
                self._changed.wait(min(max(wait, 0.0), _LONGEST_WAIT_SECONDS))
            self._woken = False
            flush = self._flush_asked
        if flush == self._flush_done:
            self.delivery.deliver_due()
            return
        self.delivery.deliver_all()
        with self._changed:
            self._flush_done = flush
            self._changed.notify_all()
