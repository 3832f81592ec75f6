"""Where `tepwatch learn` has runs with known faults from: simulation, files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from cli.faults import cadence_like, simulated
from cli.normal import Control
from detection.artefact import Origin
from detection.baseline import without_holes
from detection.channels import choose_channels
from detection.forest import FloatArray
from detection.reference import misfit_of
from studies.faults import TEACHING_SEED, FaultRun, from_file
from studies.naming import check_installed
from tepwatch.errors import InputFileError

_SIMULATED: Final = "simulated"


class FaultSources(NamedTuple):
    """What names are to be learned from; nothing where there are no names.

    `names` are `simulated` or npz files; `control` and `runs` are of what is simulated; `fault_at`,
    `prefix` and `row_seconds` of the files, as `studies.faults.from_file` has them.
    """

    names: Sequence[str]
    control: Control
    runs: int
    fault_at: int
    prefix: str
    row_seconds: float | None

    @property
    def text(self) -> str:
        """What they are, in words."""
        simulated = f"{self.runs} runs a fault simulated under {self.control.value}"
        return ", ".join(
            simulated if name == _SIMULATED else Path(name).name for name in self.names
        )

    def check(self) -> None:
        """Say what cannot be before anything is learned.

        Raises:
            InputFileError: one is not there.
            MissingPackageError: scikit-learn is not installed.
        """
        if self.names:
            check_installed()
        for name in self.names:
            if name != _SIMULATED and not Path(name).exists():
                raise InputFileError(f"--faults {name}: neither `{_SIMULATED}` nor a file")

    def labelled(self, normal: Sequence[FloatArray], origin: Origin) -> list[Iterable[FaultRun]]:
        """The runs of each, simulated as they are taken.

        Args:
            normal: ticks of runs of normal operation.
            origin: of the baseline that is to be learned from these.

        Raises:
            TepwatchError: they cannot be read or simulated, or are unlike normal operation.
        """
        return [
            self._simulated(normal, origin)
            if name == _SIMULATED
            else self._recorded(Path(name), normal, origin)
            for name in self.names
        ]

    def _simulated(self, normal: Sequence[FloatArray], origin: Origin) -> Iterable[FaultRun]:
        cadence = cadence_like(origin, self.control)
        columns = normal[0].shape[1]
        return simulated(self.control, self.runs, TEACHING_SEED, columns, cadence)

    def _recorded(self, path: Path, normal: Sequence[FloatArray], origin: Origin) -> list[FaultRun]:
        runs, pace = from_file(
            path,
            self.fault_at,
            self.prefix,
            row_seconds=self.row_seconds,
            tick_seconds=origin.tick_seconds,
        )
        misfit = misfit_of(pace, origin)
        if misfit is not None:
            raise InputFileError(f"{path} is unlike {origin.source}: {misfit}")
        watched = choose_channels(without_holes(normal)).columns
        for run in runs:
            run.check(watched)
        return runs
