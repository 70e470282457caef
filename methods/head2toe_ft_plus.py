"""Head2Toe-FT+: Head2Toe or Head2Toe-FT, whichever does better on the validation images."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.adapt.lazy import probe, readout, solvers, trained, training
from bench.registry import method
from bench.spec import Backbone, Meter, Split, UserError
from methods.head2toe_ft import Head2ToeFT


@method("head2toe_ft_plus", family="weights", extra=True)
@dataclass(frozen=True)
class Head2ToeFTPlus(Head2ToeFT):
    """Fits Head2Toe and Head2Toe-FT on train800, and the one with the higher accuracy on val200 again on all images.

    If both are equally accurate it takes Head2Toe, which leaves the backbone as it is and keeps a head alone.
    """

    @property
    def passes(self) -> float:
        """A forward pass to select, then two trainings."""
        return 1.0 + 2 * 3.0 * self.epochs

    def fit(self, backbone: Backbone, train: Split, meter: Meter) -> trained.Trained:
        """Fits both, chooses, and fits the chosen one again. Raises UserError without validation images."""
        if not train.validation:
            raise UserError("head2toe_ft_plus chooses on validation images and there are none; take one of the two")
        examples, held_out = solvers.read_examples(backbone, train, self.target, meter), train.held_out()
        begun = examples.fitted()
        frozen = self.head_alone(backbone, begun)
        tuned = self.tune(backbone, replace(begun, meter=training.WithoutCurves(meter)), train.fitted())
        if tuned.hits(held_out, meter) > frozen.hits(held_out, meter):
            return self.tune(backbone, examples, train)
        return self.head_alone(backbone, examples)

    def head_alone(self, backbone: Backbone, examples: solvers.Examples) -> trained.Trained:
        """Head2Toe itself, as a network whose head alone is kept."""
        found = probe.Probe.of(backbone, self.target, self.head2toe.solve(examples))
        return trained.Trained(backbone, readout.ReadoutNetwork(found, trainable=False).eval(), self.kept)
