"""Workers as Ray actors: one a device, here or on the machines of a cluster. One that dies is replaced."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from bench.costs.budget import Amount
from bench.runs.workers.actor import Actor, Hello, Numbered, Setup, versions
from bench.runs.workers.pool import Event, Joined, Lost
from bench.runs.workers.worker import Errand
from bench.spec import BackboneSpec, UserError

LISTEN = 1.0  # seconds after which a worker says how far it is
CUT = 60.0  # seconds for which a worker may be out of reach
REPLACED = 3  # times that a worker may die before it has ever been ready
MEMORY = "it ran out of memory; start fewer workers, or choose a smaller batch, image size or backbone"


@dataclass
class Member:
    """A worker as the pool knows it."""

    actor: Any
    call: Any  # the answer that is waited for
    heard: int = 0  # number of the last event
    ready: bool = False


@dataclass
class RayPool:
    """Workers as Ray actors, each with its part of the resources."""

    ray: Any
    count: int
    setup: Setup  # of all; their names are numbered
    gpus: float  # of each
    weights: Sequence[tuple[BackboneSpec, Any]] = ()  # each backbone's network as a Ray object
    members: dict[str, Member] = field(default_factory=dict)
    begun: int = 0  # workers that were started in all
    stillborn: int = 0  # those that died before they were ready, since the last that was

    def __post_init__(self) -> None:
        for _ in range(self.count):
            self._add()

    def _add(self) -> None:
        """Starts a worker; it joins when it is ready."""
        self.begun += 1
        name = f"worker {self.begun}"
        threads = self.setup.threads or 1
        env = {"OMP_NUM_THREADS": str(threads)} if self.setup.threads else {}
        made = self.ray.remote(Actor).options(
            num_cpus=threads, num_gpus=self.gpus, max_restarts=0, max_concurrency=4, runtime_env={"env_vars": env},
        )  # fmt: skip
        actor = made.remote(Setup(name, self.setup.device, self.setup.threads, self.setup.memory, self.setup.folder))
        self.members[name] = Member(actor, actor.hello.remote())

    def start(self, worker: str, errand: Errand) -> None:
        """Gives a worker that waits something to do."""
        self.members[worker].actor.begin.remote(errand, list(self.weights))

    def ceiling(self, worker: str, limit: Amount) -> None:
        """Sets what a worker may spend on its errand in all; 0 stops it between two steps."""
        if worker in self.members:
            self.members[worker].actor.lower.remote(limit)

    def events(self, timeout: float) -> Sequence[Event]:
        """What was heard. Raises UserError for a machine with other versions, and where no worker can be started."""
        of = {member.call: name for name, member in self.members.items()}
        ready, waiting = self.ray.wait(list(of), num_returns=1, timeout=timeout) if of else ([], [])
        if waiting:
            ready += self.ray.wait(waiting, num_returns=len(waiting), timeout=0)[0]
        return [event for call in ready for event in self._answer(of[call], call)]

    def _answer(self, name: str, call: Any) -> Iterator[Event]:
        """What a worker has answered; it is asked again at once."""
        member, errors = self.members[name], self.ray.exceptions
        try:
            answer = self.ray.get(call)
        except errors.ActorUnavailableError:  # its network is cut, and what it has to tell waits there
            member.call = self._ask(member)
            return
        except errors.RayError as error:
            yield self._lose(name, error)
            return
        if isinstance(answer, Hello):
            member.ready, self.stillborn = True, 0
            check(answer)
            yield Joined(name, f"{answer.device} on {answer.machine}")
        else:
            numbered: list[Numbered] = [one for one in answer if one[0] >= member.heard]
            member.heard = max([member.heard, *(number for number, _ in numbered)])
            for _, event in numbered:
                if isinstance(event, Lost):
                    self.ray.kill(member.actor)
                    yield self._lose(name, None, event.reason)
                    return
                yield event
        member.call = self._ask(member)

    def _ask(self, member: Member) -> Any:
        return member.actor.listen.remote(member.heard, LISTEN)

    def _lose(self, name: str, error: BaseException | None, reason: str = "") -> Lost:
        """A worker is gone; another is started. Raises UserError where none ever gets ready."""
        member = self.members.pop(name)
        why = reason or told(error, self.ray.exceptions)
        if not member.ready:
            self.stillborn += 1
            if self.stillborn >= REPLACED * self.count:
                raise UserError(f"no worker could be started: {why}")
        self._add()
        return Lost(name, why)

    def close(self) -> None:
        """Ends all workers."""
        for member in self.members.values():
            with suppress(self.ray.exceptions.RayError):
                self.ray.kill(member.actor)
        self.members.clear()


def check(hello: Hello) -> None:
    """Raises UserError where a machine would not compute what this one does."""
    if hello.versions != versions():
        raise UserError(
            f"{hello.machine} has {hello.versions}, and here is {versions()}; install the same on every machine"
        )


def told(error: BaseException | None, errors: Any) -> str:
    """Why a worker is gone, in one sentence."""
    text = str(error)
    if isinstance(error, errors.OutOfMemoryError) or "out of memory" in text.lower() or "OOM" in text:
        return MEMORY
    cause = next((line.strip() for line in text.splitlines() if "cause" in line.lower()), "")
    return f"the worker was lost ({cause or text.strip().splitlines()[0] if text.strip() else type(error).__name__})"
