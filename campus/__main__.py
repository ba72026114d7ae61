"""`python -m campus`: the command `tandem`, where it is not installed."""

from campus.cli import main

if __name__ == "__main__":
    main()
