"""``python -m handkd``: the command ``handkd``."""

from handkd.cli import main

if __name__ == '__main__':
    main()
