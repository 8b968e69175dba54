"""``python -m evouch`` is ``evouch``."""

from evouch.cli import main

if __name__ == "__main__":
    main()
