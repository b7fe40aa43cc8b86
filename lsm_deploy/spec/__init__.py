"""What a user writes: the declarations (`schema`), YAML with its positions (`source`), the checks (`read`).

Values are put into its text by `edit`; `space` says what a search may put there.
"""

from lsm_deploy.spec.edit import put
from lsm_deploy.spec.read import load, load_text
from lsm_deploy.spec.schema import Spec
from lsm_deploy.spec.source import Path_, parse, read_text
from lsm_deploy.spec.space import Parameter, read_space, steps_of

__all__ = ["Parameter", "Path_", "Spec", "load", "load_text", "parse", "put", "read_space", "read_text", "steps_of"]
