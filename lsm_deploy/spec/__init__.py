"""What a user writes: the declarations (`schema`), YAML with its positions (`source`), the checks (`read`).

Values are put into its text by `edit`; `space` says what a search may put there.
"""

from lsm_deploy.spec.edit import put
from lsm_deploy.spec.promises import PROMISES, Budget, Parity, Promises, load_promises, promises_text
from lsm_deploy.spec.read import load, load_text
from lsm_deploy.spec.schema import Spec
from lsm_deploy.spec.source import Path_, parse, read_text
from lsm_deploy.spec.space import Parameter, read_space, steps_of

__all__ = [
    "PROMISES",
    "Budget",
    "Parameter",
    "Parity",
    "Path_",
    "Promises",
    "Spec",
    "load",
    "load_promises",
    "load_text",
    "parse",
    "promises_text",
    "put",
    "read_space",
    "read_text",
    "steps_of",
]
