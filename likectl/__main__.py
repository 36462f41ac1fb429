"""The entry point: ``likectl``, or ``python -m likectl``."""

import sys


def main() -> None:
    """Run the command line, or say which extra is not installed."""
    try:
        from likectl.cli import app
    except ModuleNotFoundError as error:
        if error.name not in {"rich", "segno", "typer"}:
            raise
        sys.exit(
            f"likectl: {error.name} is not installed. Install the project with its extra, e.g. pip install '.[cli]'."
        )
    app()


if __name__ == "__main__":
    main()
