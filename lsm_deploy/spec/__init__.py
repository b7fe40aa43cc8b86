"""What a user writes: the declarations (`schema`), YAML with its positions (`source`), and the checks (`load`)."""

from lsm_deploy.spec.load import load
from lsm_deploy.spec.schema import Spec

__all__ = ["Spec", "load"]
