"""``python -m ltspec`` is the same program as ``ltspec``."""

from ltspec.cli.main import main

main()
