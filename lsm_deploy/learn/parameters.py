"""What a spec says as parameters of an estimator: `spec__projections__0__weight`, for `clone` and searches."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator

from lsm_deploy.learn.arguments import as_arguments, required
from lsm_deploy.spec.changes import BETWEEN, leaves
from lsm_deploy.spec.schema import Spec

__all__ = ["OfSpec"]

_PREFIX = f"spec{BETWEEN}"


class OfSpec(BaseEstimator):  # type: ignore[misc]
    """An estimator with a spec among its parameters."""

    spec: Spec | None

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Its parameters; deep: with what its spec says, by path."""
        parameters: dict[str, Any] = super().get_params(deep)
        if deep and isinstance(self.spec, Spec):
            parameters |= {f"{_PREFIX}{path}": value for path, value in leaves(self.spec).items()}
        return parameters

    def set_params(self, **parameters: Any) -> OfSpec:
        """Set parameters; those below `spec` make another spec, by `Spec.with_`. All mistakes of these at once, and
        nothing is set where there is one."""
        changes = {name.removeprefix(_PREFIX): value for name, value in parameters.items() if name.startswith(_PREFIX)}
        own = {name: value for name, value in parameters.items() if not name.startswith(_PREFIX)}
        if changes:
            with as_arguments():
                own["spec"] = required(own.get("spec", self.spec)).with_(**changes)
        there = super().get_params(deep=False)
        super().set_params(**dict(sorted(own.items(), key=lambda each: each[0] in there)))  # it stops at one unknown
        return self
