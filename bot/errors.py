"""Errors that end a command with one clear sentence instead of a traceback.

SparcError
├── SettingsError    a setting (environment variable) is missing or malformed
├── StartupError     a server could not be started, or a child of `run` died
├── BadNote          a line of notes is not as it should be (bot/commands/precheck.py)
└── ClientError      the running server could not be reached or refused a request
"""

from __future__ import annotations


class SparcError(Exception):
    """Something a person can put right; its text says what is wrong and where."""


class SettingsError(SparcError):
    """A setting is missing or malformed; the text names the variable."""


class StartupError(SparcError):
    """A server could not be started or died."""


class ClientError(SparcError):
    """A request to the running server failed."""
