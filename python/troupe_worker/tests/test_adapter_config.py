"""Tests of the path of an adapter's base model."""

from __future__ import annotations

import os
import tempfile
import unittest
from pathlib import Path
from unittest.mock import patch

from troupe_worker.adapter_config import base_folder
from troupe_worker.errors import BadModel


class BaseFolderTest(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        root = Path(temporary.name)
        self.home, self.cwd, self.adapter = root / "home", root / "cwd", root / "adapter"
        for folder in (self.home / "base", self.cwd / "other", self.adapter / "own", self.adapter / "~name"):
            folder.mkdir(parents=True)
        environment = patch.dict(os.environ, {"HOME": str(self.home)})
        environment.start()
        self.addCleanup(environment.stop)

    def test_expands_the_home_folder(self) -> None:
        self.assertEqual(base_folder(self.adapter, "~/base", self.cwd), self.home / "base")
        self.assertEqual(base_folder(self.adapter, "~", self.cwd), self.home)
        self.assertEqual(base_folder(self.adapter, "~name", self.cwd), self.adapter / "~name")

    def test_resolves_relative_paths(self) -> None:
        self.assertEqual(base_folder(self.adapter, "other", self.cwd), self.cwd / "other")
        self.assertEqual(base_folder(self.adapter, "own", self.cwd), self.adapter / "own")
        with self.assertRaisesRegex(BadModel, '"~/gone" does not exist'):
            base_folder(self.adapter, "~/gone", self.cwd)
