from .streaming.__main__ import PACKAGE, main

if __name__ == "__main__":
    main(PACKAGE)
