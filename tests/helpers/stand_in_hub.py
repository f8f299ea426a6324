"""The few answers of the Hugging Face hub that a model needs, given by `hostile_server`."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import urlsplit

from hostile_server import Server, head, serve


class Hub:
    """A repository of files at one commit, with the sha256 of those that end with LARGE."""

    LARGE = (".safetensors", ".bin")

    def __init__(self, server: Server, name: str, commit: str, files: dict[str, bytes]) -> None:
        self.server, self.name, self.commit, self.files = server, name, commit, files
        self.lies: dict[str, dict[str, Any]] = {}
        """What the listing says of a file instead of the truth."""
        self.info = json.dumps  # replaced by a test that damages the listing
        server.fallback = self.answer

    def answer(self, handler: Any) -> bool:
        path = urlsplit(handler.path).path
        if path in (f"/api/models/{self.name}", *self._revisions(f"/api/models/{self.name}/")):
            self._json(handler, {"id": self.name, "sha": self.commit, "siblings": self._listed()})
            return True
        if path == f"/api/models/{self.name}/tree/{self.commit}":
            self._json(handler, [self._in_tree(each) for each in self._listed()])
            return True
        prefix = f"/{self.name}/resolve/{self.commit}/"
        if path.startswith(prefix) and path.removeprefix(prefix) in self.files:
            self._file(handler, self.files[path.removeprefix(prefix)])
            return True
        return False

    def _revisions(self, prefix: str) -> list[str]:
        return [f"{prefix}revision/{name}" for name in ("main", self.commit)]

    def _listed(self) -> list[dict[str, Any]]:
        return [
            {
                "rfilename": name,
                "size": len(content),
                "blobId": hashlib.sha1(content).hexdigest(),
                **({"lfs": self._lfs(content)} if name.endswith(self.LARGE) else {}),
                **self.lies.get(name, {}),
            }
            for name, content in self.files.items()
        ]

    def _in_tree(self, listed: dict[str, Any]) -> dict[str, Any]:
        plain = {"size": listed["size"], "oid": listed["blobId"]}
        if "lfs" in listed:
            plain["lfs"] = {**listed["lfs"], "oid": listed["lfs"]["sha256"]}
        return {"type": "file", "path": listed["rfilename"], **plain}

    def _lfs(self, content: bytes) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        return {"sha256": digest, "size": len(content), "pointerSize": 134}

    def _json(self, handler: Any, value: object) -> None:
        text = self.info(value).encode()
        head(handler, 200, {"Content-Length": len(text), "Content-Type": "application/json"})
        handler.wfile.write(text)

    def _file(self, handler: Any, content: bytes) -> None:
        if handler.command == "HEAD":
            etag = f'"{hashlib.sha256(content).hexdigest()}"'
            named = {"X-Repo-Commit": self.commit, "ETag": etag, "Content-Length": len(content)}
            head(handler, 200, named)
        else:
            serve(handler, content)
