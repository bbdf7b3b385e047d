"""Runs the Python tests below a directory: tests/run.py DIRECTORY [NAME...]; NAME is part of a test's id. Prints a line for
each test with its time, and at the end "N passed, N failed, N skipped"."""
import sys
import time
import unittest
from pathlib import Path


class Result(unittest.TextTestResult):
    def startTest(self, test):
        self.began = time.monotonic()
        super(unittest.TextTestResult, self).startTest(test)

    def line(self, test, word):
        print(f"{word:5} {time.monotonic() - self.began:6.1f}s  {test.id()}", flush=True)

    def addSuccess(self, test):
        unittest.TestResult.addSuccess(self, test)
        self.line(test, "ok")

    def addError(self, test, error):
        unittest.TestResult.addError(self, test, error)
        self.line(test, "ERROR") if hasattr(test, "_testMethodName") else print("ERROR", test)

    def addFailure(self, test, error):
        unittest.TestResult.addFailure(self, test, error)
        self.line(test, "FAIL")

    def addSkip(self, test, reason):
        unittest.TestResult.addSkip(self, test, reason)
        print(f"skip  {test.id()}: {reason}", flush=True)


def chosen(suite, names):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from chosen(item, names)
        elif not names or any(name in item.id() for name in names):
            yield item


def main():
    directory, names = Path(sys.argv[1]).resolve(), sys.argv[2:]
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    suite = unittest.TestSuite(chosen(unittest.defaultTestLoader.discover(str(directory)), names))
    result = unittest.TextTestRunner(stream=sys.stdout, resultclass=Result, verbosity=0, buffer=False).run(suite)
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed - len(result.skipped)} passed, {failed} failed, {len(result.skipped)} skipped")
    return 1 if failed or result.testsRun == 0 else 0


sys.exit(main())
