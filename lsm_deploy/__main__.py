"""`python -m lsm_deploy` is `lsm-deploy`."""

from lsm_deploy.cli import main

main(prog_name="lsm-deploy")
